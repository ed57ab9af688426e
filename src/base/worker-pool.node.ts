// Threads that work beside the main one: started when there is work, ended when there is none. Knows nothing of the work.
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { TransferListItem } from 'node:worker_threads';
import { requireInteger } from './checks.js';
import { MelstromError, type ErrorParts } from './errors.js';

/** A thread that has had nothing to do for so long ends, and gives its memory back. Unit: ms. */
const IDLE_MILLISECONDS = 10_000;
const MOST_WORKERS = 256;
/** Threads that are started unasked, at most: each takes 20 to 40 MB. */
const MOST_UNASKED = 16;
/** The name of the export of a worker's file. */
const EXPORT = 'work';
/** The input that only asks whether a thread runs. */
export const PROBE = 'probe';

/** What comes back of a task. An error of ours would lose its parts on the way, so it goes as these. */
export type Answer = { readonly output: unknown } | { readonly error: ErrorParts };

export interface TaskOptions {
  /** What of the input is moved to the worker instead of copied, and is of no more use here. */
  readonly transfer?: readonly TransferListItem[];
  /** Ends the thread that works on the task. */
  readonly signal?: AbortSignal;
}

export interface WorkerPool {
  /** Tasks that run at once; others wait for their turn. */
  readonly workers: number;
  /** @throws what the worker throws, errors of ours as they were thrown; the signal's reason when aborted */
  run<Output>(input: unknown, options?: TaskOptions): Promise<Output>;
  /** Ends all threads; what is under way fails. */
  close(): Promise<void>;
}

/** One worker per processor core that this process may use, up to 16. */
export function workersOfThisMachine(): number {
  return Math.min(MOST_UNASKED, availableParallelism());
}

/**
 * Opens a pool of threads that run one file, whose export `work` is made by `workerTask`, and waits for the first one. null where no thread
 * can run it: in a program that was bundled into one file, or when the system grants none.
 *
 * Memory: close it, or leave it: threads without work end by themselves and do not keep the process alive.
 * @param workers in [0, 256]; 0 gives null
 */
export async function openWorkerPool(file: URL, workers: number): Promise<WorkerPool | null> {
  requireInteger('workers', workers, { min: 0, max: MOST_WORKERS, fix: 'One per processor core is fastest.' });
  if (workers === 0 || file.protocol !== 'file:' || !existsSync(fileURLToPath(file))) return null;
  const { Tinypool } = await import('tinypool');
  const pool = new Tinypool({ filename: file.href, name: EXPORT, minThreads: 0, maxThreads: workers, idleTimeout: IDLE_MILLISECONDS });
  const failed = new Promise<null>((settle) => pool.on('error', () => settle(null)));
  const isRunning = await Promise.race([(pool.run(PROBE) as Promise<Answer>).catch(() => null), failed]);
  if (isRunning === null) {
    await pool.destroy();
    return null;
  }
  return {
    workers,
    async run<Output>(input: unknown, { transfer = [], signal }: TaskOptions = {}) {
      signal?.throwIfAborted();
      if (signal !== undefined) setMaxListeners(0, signal); // each task under way listens to it; Node warns from the eleventh on
      const answer = (await pool.run(input, { transferList: [...transfer], signal }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      })) as Answer;
      if ('error' in answer) throw new MelstromError(answer.error);
      return answer.output as Output;
    },
    close: async () => pool.destroy(),
  };
}
