// Work for the tests of the pool: sums, errors of both kinds, and a wait that only an abort ends.
import { threadId } from 'node:worker_threads';
import { MelstromError } from '../../src/base/errors.js';
import { workerTask } from '../../src/base/worker-task.node.js';

export interface Asked {
  readonly numbers?: Float32Array;
  readonly fail?: 'ours' | 'other';
  readonly isEndless?: boolean;
}

export interface Answered {
  readonly doubled: Float32Array<ArrayBuffer>;
  readonly thread: number;
}

export const work = workerTask(({ numbers = new Float32Array(0), fail, isEndless = false }: Asked): Answered => {
  if (fail === 'ours') throw new MelstromError({ kind: 'data', where: 'kick.wav', got: 'an empty file', expected: 'a sound', fix: 'Leave it out.', cause: () => 'not for the way' });
  if (fail === 'other') throw new TypeError('not a function');
  while (isEndless) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  return { doubled: numbers.map((value) => 2 * value), thread: threadId };
}, ({ doubled }) => [doubled.buffer]);
