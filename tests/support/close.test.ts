import { describe, expect, it } from 'vitest';
import { expectClose } from './close.js';

describe('expectClose', () => {
  it('accepts equal numbers, arrays, typed arrays and nested arrays', () => {
    expectClose(1, 1);
    expectClose(Float32Array.of(1, 2), [1, 2]);
    expectClose([[1, 2], [3, 4]], { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    expectClose([], []);
    expectClose([Infinity, -Infinity, -0], [Infinity, -Infinity, 0]);
  });

  it('adds absolute and relative tolerance', () => {
    expectClose(102.9, 100, { absolute: 1, relative: 0.02 });
    expect(() => expectClose(103.1, 100, { absolute: 1, relative: 0.02 })).toThrow(/difference 3\.\d+/);
    expect(() => expectClose(1e-9, 0, { relative: 1 })).toThrow(/1 of 1/);
  });

  it('compares shapes and lengths before values', () => {
    expect(() => expectClose([1, 2], [1, 2, 3], { absolute: 100 })).toThrow('shapes differ: got [2], expected [3]');
    expect(() => expectClose([[1, 2]], [1, 2])).toThrow('shapes differ: got [1, 2], expected [2]');
    expect(() => expectClose(1, [1])).toThrow('shapes differ');
    expect(() => expectClose([[1], [1, 2]], [[1], [1]])).toThrow('ragged');
    expect(() => expectClose({ shape: [3], data: [1, 2] }, [1, 2])).toThrow('does not hold');
  });

  it('lets NaN equal nothing and an infinity only itself', () => {
    expect(() => expectClose(NaN, NaN, { absolute: Infinity })).toThrow(/NaN/);
    expect(() => expectClose([0, NaN], [0, 0], { absolute: Infinity })).toThrow(/worst at \[1\]/);
    expect(() => expectClose(Infinity, 1, { absolute: Infinity, relative: Infinity })).toThrow();
    expect(() => expectClose(Infinity, -Infinity, { relative: 10 })).toThrow();
  });

  it('prints the worst index, the count and the reason', () => {
    expect(() => expectClose([[0, 0.5], [9, 0]], [[0, 0], [0, 0]], { absolute: 0.1, reason: 'float16' })).toThrow(
      /2 of 4 values differ; worst at \[1, 0\]: got 9, expected 0.*\(float16\)/,
    );
  });

  it('finds the worst index without any tolerance', () => {
    expect(() => expectClose([1, 2, 3], [1, 2.5, 5])).toThrow(/worst at \[2\]/);
  });

  it('refuses a tolerance that is not one', () => {
    expect(() => expectClose(1, 1, { absolute: NaN })).toThrow('tolerances');
    expect(() => expectClose(1, 1, { relative: -1 })).toThrow('tolerances');
  });
});
