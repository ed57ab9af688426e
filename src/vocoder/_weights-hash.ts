// A short name of a network's weights.
import type { Vocos } from '../models/index.js';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Eight hexadecimal digits by which a clip says which weights made it. */
export function weightsHash({ parameters }: Vocos): string {
  let hash = FNV_OFFSET;
  for (const { variable } of parameters.list()) {
    const values = variable.dataSync<'float32'>();
    for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length)) hash = Math.imul(hash ^ word, FNV_PRIME);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
