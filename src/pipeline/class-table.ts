// The table of classes of a UNet under other labels than it was made with. Changes weights on their way; knows no file.
import { changedSource, type TensorEntry, type TensorSource } from '../nn/index.js';

const TABLE = 'class_embedding.weight';
/** Where there is one, the classes of the source are no table but a linear layer that takes vectors, as AudioLDM's does. */
const PROJECTION_BIAS = 'class_embedding.bias';

export interface NewClassTable {
  /** The labels of the table in the source, by row; rows beyond them have no name. Empty when it has no table. */
  readonly oldLabels: readonly string[];
  /** Whether the row after the last label stands for no label. */
  readonly hasOldNullRow: boolean;
  readonly newLabels: readonly string[];
  /** Width of a row: that of the timestep embedding. */
  readonly width: number;
}

/**
 * The source with a table of one row per new label and a last one for no label. A label that both have keeps its row. The row for no
 * label is the old one, else the mean of the old rows, else zero; labels that are new start as that row. Zero adds nothing, so a
 * network that had no classes starts as it was. In place of a layer that took vectors, all rows start as its answer to zero, its bias.
 */
export function withClassTable(source: TensorSource, { oldLabels, hasOldNullRow, newLabels, width }: NewClassTable): TensorSource {
  const shape = [newLabels.length + 1, width];
  const old = source.entries.get(TABLE);
  if (source.entries.has(PROJECTION_BIAS)) return inPlaceOfProjection(source, shape);
  const build = (values: Float32Array, rows: number): Float32Array => {
    const nullRow = hasOldNullRow && rows > oldLabels.length ? row(values, oldLabels.length, width) : meanRow(values, rows, width);
    const table = new Float32Array(shape[0] * width);
    for (let index = 0; index < shape[0]; index += 1) {
      const before = index < newLabels.length ? oldLabels.indexOf(newLabels[index]) : -1;
      table.set(before >= 0 && before < rows ? row(values, before, width) : nullRow, index * width);
    }
    return table;
  };
  if (old !== undefined) return changedSource(source, new Map([[TABLE, { shape: () => shape, apply: (values, [rows]) => build(values, rows) }]]));
  const entry: TensorEntry = { name: TABLE, shape, dtype: 'F32' };
  return {
    ...source,
    entries: new Map([...source.entries, [TABLE, entry]]),
    read: (name) => (name === TABLE ? build(new Float32Array(0), 0) : source.read(name)),
  };
}

function inPlaceOfProjection(source: TensorSource, shape: readonly number[]): TensorSource {
  const others = [...source.entries].filter(([name]) => name !== TABLE && name !== PROJECTION_BIAS);
  const entry: TensorEntry = { name: TABLE, shape, dtype: 'F32' };
  return {
    ...source,
    entries: new Map([...others, [TABLE, entry]]),
    read(name) {
      if (name !== TABLE) return source.read(name);
      const bias = source.read(PROJECTION_BIAS);
      return Float32Array.from({ length: shape[0] * shape[1] }, (_, index) => bias[index % bias.length]);
    },
  };
}

function row(values: Float32Array, index: number, width: number): Float32Array {
  return values.subarray(index * width, (index + 1) * width);
}

function meanRow(values: Float32Array, rows: number, width: number): Float32Array {
  const sums = new Float64Array(width);
  for (let index = 0; index < rows * width; index += 1) sums[index % width] += values[index];
  return Float32Array.from(sums, (sum) => sum / Math.max(1, rows));
}
