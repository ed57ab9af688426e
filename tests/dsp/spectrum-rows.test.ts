import { expect, it } from 'vitest';
import { spectrumRows } from '../../src/dsp/spectrum-rows.js';

it('puts the real parts of each frame before its imaginary parts', () => {
  const spectrum = { re: Float32Array.of(1, 2, 3, 4, 5, 6), im: Float32Array.of(-1, -2, -3, -4, -5, -6), frameCount: 3, binCount: 2 };
  expect([...spectrumRows(spectrum, { from: 0, to: 3 })]).toEqual([1, 2, -1, -2, 3, 4, -3, -4, 5, 6, -5, -6]);
  expect([...spectrumRows(spectrum, { from: 1, to: 2 })]).toEqual([3, 4, -3, -4]);
  expect(spectrumRows(spectrum, { from: 2, to: 2 })).toHaveLength(0);
});
