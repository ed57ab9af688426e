import { describe, expect, it } from 'vitest';
import { inOrder } from '../../src/base/in-order.js';

const pause = (milliseconds: number): Promise<void> => new Promise((settle) => setTimeout(settle, milliseconds));

/** Work that takes less time the later it starts, and what was ever under way at once. */
function createWork(): { work: (item: number) => Promise<string>; largest: () => number; begun: number[] } {
  let running = 0;
  let largest = 0;
  const begun: number[] = [];
  return {
    begun,
    largest: () => largest,
    async work(item) {
      begun.push(item);
      running += 1;
      largest = Math.max(largest, running);
      await pause(12 - 2 * item);
      running -= 1;
      return `result ${item}`;
    },
  };
}

describe('inOrder', () => {
  it.each([1, 2, 3, 10])('gives results in the order of the items with %i lanes, and no more at once', async (lanes) => {
    const { work, largest } = createWork();
    const results: string[] = [];
    for await (const result of inOrder([0, 1, 2, 3, 4], lanes, work)) results.push(result);
    expect(results).toEqual([0, 1, 2, 3, 4].map((item) => `result ${item}`));
    expect(largest()).toBe(Math.min(lanes, 5));
  });

  it('begins an item with one lane when the result before it has been used', async () => {
    const { work, begun } = createWork();
    for await (const result of inOrder([0, 1, 2], 1, work)) expect(begun.at(-1)).toBe(Number(result.at(-1)));
  });

  it('takes no more items than it has lanes before the first result is used', async () => {
    const { work, begun } = createWork();
    const results = inOrder(Array.from({ length: 100 }, (_, item) => item), 3, work);
    await results.next();
    expect(begun).toEqual([0, 1, 2]);
    await results.return(undefined);
    expect(begun).toEqual([0, 1, 2]);
  });

  it('throws what the work throws when its turn has come, after what is under way', async () => {
    let hasEnded = false;
    const results = inOrder([0, 1, 2], 3, async (item) => {
      if (item === 1) throw new Error('item 1');
      if (item === 2) await pause(20).then(() => (hasEnded = true));
      return item;
    });
    expect(await results.next()).toEqual({ done: false, value: 0 });
    await expect(results.next()).rejects.toThrow('item 1');
    expect(hasEnded).toBe(true);
  });

  it('takes work that answers at once', async () => {
    const results: number[] = [];
    for await (const result of inOrder([1, 2, 3], 2, (item) => item * item)) results.push(result);
    expect(results).toEqual([1, 4, 9]);
  });
});
