// A loop brought to another length, as a tape that runs a little faster or slower: it stays a loop. For lengths that are nearly the same.
import { besselI0, sinc } from './kaiser.js';

/** Taps to either side; with BETA, tones up to 0.9 of the Nyquist frequency come through to -80 dB. */
const HALF_WIDTH = 64;
const BETA = 8;
const PASS_BAND = 0.95;
/** Places between two samples for which taps are kept; between them they are interpolated. */
const PHASES = 512;

let kept: Float32Array | null = null;

/** Shape: [T] -> [sampleCount]. */
export function resampleLoop(loop: Float32Array, sampleCount: number): Float32Array {
  const { length } = loop;
  if (length === sampleCount) return loop;
  const rows = (kept ??= designRows());
  const width = 2 * HALF_WIDTH;
  return Float32Array.from({ length: sampleCount }, (_, index) => {
    const position = (index * length) / sampleCount;
    const whole = Math.floor(position);
    const exact = (position - whole) * PHASES;
    const row = Math.floor(exact);
    const share = exact - row;
    let sum = 0;
    for (let tap = 0; tap < width; tap += 1) {
      const at = (((whole + tap - HALF_WIDTH + 1) % length) + length) % length;
      sum += loop[at] * ((1 - share) * rows[row * width + tap] + share * rows[(row + 1) * width + tap]);
    }
    return sum;
  });
}

/** Row r holds the taps for r / PHASES of a sample behind a sample. */
function designRows(): Float32Array {
  const width = 2 * HALF_WIDTH;
  const rows = new Float32Array((PHASES + 1) * width);
  for (let row = 0; row <= PHASES; row += 1) {
    for (let tap = 0; tap < width; tap += 1) {
      const distance = row / PHASES - (tap - HALF_WIDTH + 1);
      const edge = Math.min(1, Math.abs(distance / HALF_WIDTH));
      rows[row * width + tap] = PASS_BAND * sinc(PASS_BAND * distance) * (besselI0(BETA * Math.sqrt(1 - edge * edge)) / besselI0(BETA));
    }
  }
  return rows;
}
