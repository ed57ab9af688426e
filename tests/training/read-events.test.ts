import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLoggedNumbers } from '../../src/training/read-events.node.js';
import { createEventWriter } from '../../src/training/tensorboard.node.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom-events-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const loss = (value: number) => [{ kind: 'scalar', tag: 'train/loss', value }] as const;

describe('reading what was logged', () => {
  it('gives back what was written, among pictures and sounds', () => {
    const writer = createEventWriter(folder, { now: () => 100 });
    writer.write(1, [...loss(0.5), { kind: 'scalar', tag: 'é', value: -3 }]);
    writer.write(300, [{ kind: 'image', tag: 'p', png: new Uint8Array(40_000), width: 2, height: 2 }]);
    writer.write(301, [{ kind: 'image', tag: 'small', png: new Uint8Array(20), width: 2, height: 2 }]);
    writer.write(70_000, loss(0.25));
    expect(readLoggedNumbers(folder)).toEqual(new Map([['train/loss', [[1, 0.5], [70_000, 0.25]]], ['é', [[1, -3]]]]));
  });

  it('leaves out what a resumed run has written anew', () => {
    const first = createEventWriter(folder, { now: () => 100 });
    for (const step of [1, 2, 3, 4]) first.write(step, loss(step));
    const second = createEventWriter(folder, { firstStep: 2, now: () => 200 });
    second.write(3, loss(30));
    expect(readLoggedNumbers(folder).get('train/loss')).toEqual([[1, 1], [2, 2], [3, 30]]);
  });

  it('reads a file up to where a kill cut it off', () => {
    const writer = createEventWriter(folder, { now: () => 100 });
    writer.write(1, loss(1));
    writer.write(2, loss(2));
    truncateSync(writer.path, readFileSync(writer.path).length - 3);
    expect(readLoggedNumbers(folder).get('train/loss')).toEqual([[1, 1]]);
    appendFileSync(writer.path, 'xyz');
    expect(readLoggedNumbers(folder).get('train/loss')?.[0]).toEqual([1, 1]);
  });

  it('finds nothing where there is nothing', () => expect(readLoggedNumbers(join(folder, 'none')).size).toBe(0));
});
