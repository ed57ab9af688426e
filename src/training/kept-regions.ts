// Which part of a training sample a UNet for inpainting is to draw, and which it is shown. Knows no network.
import type { Random } from '../base/random.js';

/** Share of regions that are a stretch of time in all rows, and of those that are a band in all columns; the rest are both. */
const [TIMES, BANDS] = [0.7, 0.15];

/**
 * Draws a region for each item: with the given chance a part of it is to draw, a stretch of time at its start, its end or between, a band of rows,
 * or a stretch of a band, of any size; else all of it.
 *
 * Shape: [B·H·W], 1 where it is kept.
 */
export function drawKeptRegions(random: Random, { count, rows, columns, share }: { readonly count: number; readonly rows: number; readonly columns: number; readonly share: number }): Float32Array {
  const isKept = new Float32Array(count * rows * columns);
  for (let item = 0; item < count; item += 1) {
    const [isPart, kind] = [random.uniform() < share, random.uniform()];
    const times = drawSpan(random, columns);
    const band = drawSpan(random, rows);
    if (!isPart) continue;
    const [drawnColumns, drawnRows] = [kind < TIMES || kind >= TIMES + BANDS ? times : [0, columns], kind < TIMES ? [0, rows] : band];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const isDrawn = row >= drawnRows[0] && row < drawnRows[1] && column >= drawnColumns[0] && column < drawnColumns[1];
        isKept[(item * rows + row) * columns + column] = isDrawn ? 0 : 1;
      }
    }
  }
  return isKept;
}

/** A span of at least one and not all of a length: as often at the start, at the end, and anywhere. */
function drawSpan(random: Random, length: number): readonly [from: number, to: number] {
  const where = random.uniform();
  const size = 1 + Math.floor(random.uniform() * Math.max(1, length - 1));
  const start = Math.floor(random.uniform() * (length - size + 1));
  return where < 1 / 3 ? [0, size] : where < 2 / 3 ? [length - size, length] : [start, start + size];
}
