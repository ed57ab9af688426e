import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { slerp } from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';

const lengthOf = (values: Float32Array): number => Math.hypot(...values);

describe('slerp', () => {
  const [a, b] = [1, 2].map((seed) => createRandom(seed, 'slerp').normals(256));

  it('turns evenly on the circle', () => {
    const [x, y] = [Float32Array.of(2, 0), Float32Array.of(0, 2)];
    for (const share of [0.25, 0.5, 0.9]) {
      expectClose(slerp(x, y, share), [2 * Math.cos((share * Math.PI) / 2), 2 * Math.sin((share * Math.PI) / 2)], { absolute: 1e-6 });
    }
  });

  it('is each end itself at 0 and 1, and a copy', () => {
    expect(slerp(a, b, 0)).toEqual(a);
    expect(slerp(a, b, 1)).toEqual(b);
    expect(slerp(a, b, 0)).not.toBe(a);
  });

  it('keeps the length between those of the ends, where a straight line would not', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
        expectClose(lengthOf(slerp(a, b, share)), lengthOf(a) * (1 - share) + lengthOf(b) * share, { relative: 1e-5 });
      }),
    );
    expect(lengthOf(a.map((value, index) => (value + b[index]) / 2))).toBeLessThan(0.8 * lengthOf(a));
  });

  it('goes straight between what points the same way, or is nothing', () => {
    expectClose(slerp(a, a, 0.3), a, { relative: 1e-6 });
    expectClose(slerp(a, a.map((value) => 3 * value), 0.5), a.map((value) => 2 * value), { relative: 1e-6 });
    expectClose(slerp(new Float32Array(2), Float32Array.of(1, 2), 0.5), [0.5, 1]);
  });

  it('refuses two lengths', () => {
    expect(() => slerp(a, b.slice(1), 0.5)).toThrow('slerp');
  });
});
