// How many threads a corpus is worth. Opens none of its files.
import { workersOfThisMachine } from '../base/worker-pool.node.js';
import type { CorpusFile } from './corpus-file.js';

/** Less is read and analysed before a thread has started. Unit: bytes of sound files, which compressed hold about a minute. */
const FEW_BYTES = 1 << 20;

/** One per processor core, up to 16, as far as there are files for them; 0 where it is not worth the start. */
export function threadsFor(files: readonly Pick<CorpusFile, 'sizeBytes'>[]): number {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return files.length < 2 || bytes < FEW_BYTES ? 0 : Math.min(files.length, workersOfThisMachine());
}
