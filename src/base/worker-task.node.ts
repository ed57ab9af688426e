// What a file exports that threads of a pool run: the worker's side of worker-pool.node.ts. Knows nothing of the work.
import { kTransferable, kValue, Tinypool } from 'tinypool';
import { MelstromError } from './errors.js';
import { PROBE, type Answer } from './worker-pool.node.js';

/**
 * Makes the export `work` of a worker's file.
 *
 * @param buffersOf what of an output is moved to the main thread instead of copied. Default nothing
 */
export function workerTask<Input, Output>(work: (input: Input) => Output | Promise<Output>, buffersOf: (output: Output) => readonly ArrayBufferLike[] = () => []): (input: Input | typeof PROBE) => Promise<unknown> {
  return async (input) => {
    if (input === PROBE) return { output: null } satisfies Answer;
    try {
      const output = await work(input as Input);
      const answer: Answer = { output };
      return Tinypool.move({ [kTransferable]: [...buffersOf(output)], [kValue]: answer });
    } catch (error) {
      if (!(error instanceof MelstromError)) throw error;
      const { kind, where, got, expected, fix } = error;
      return { error: { kind, where, got, expected, fix } } satisfies Answer;
    }
  };
}
