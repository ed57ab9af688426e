// Some columns of the noise that a whole item would have, without drawing the rest.
import type { Random } from '../base/random.js';

interface ItemShape {
  readonly rows: number;
  readonly length: number;
  readonly channels: number;
}

interface ColumnOptions extends ItemShape {
  readonly from: number;
  readonly to: number;
  /** Of the sequence where the item's noise begins. */
  readonly position: number;
}

/** Random words that one draw for a whole item takes: four for two numbers. */
export function wordsOfItem({ rows, length, channels }: ItemShape): number {
  return 4 * Math.ceil((rows * length * channels) / 2);
}

/** The same values as in those columns of `normals` of the whole item. Shape: [H, n, C]. Mutates: the position of random. */
export function normalsOfColumns(random: Random, { rows, length, channels, from, to, position }: ColumnOptions): Float32Array {
  const count = (to - from) * channels;
  const values = new Float32Array(rows * count);
  for (let row = 0; row < rows; row += 1) {
    const first = (row * length + from) * channels;
    const isSecond = first % 2; // numbers are drawn in pairs
    random.position = position + 2 * (first - isSecond);
    values.set(random.normals(count + isSecond).subarray(isSecond), row * count);
  }
  return values;
}
