// Many files to slices, in the order of the files: by threads where there are any, else here. The slices are the same either way.
import { MessageChannel } from 'node:worker_threads';
import { inOrder } from '../base/in-order.js';
import { openWorkerPool, type WorkerPool } from '../base/worker-pool.node.js';
import { imageRows } from '../config/mel-layout.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import { createSliceMemory, receiveSlices, resetSliceMemory, type SliceBlock } from './_slice-channel.node.js';
import type { SliceTask } from './_slice-worker.node.js';
import { quantiseImage } from './quantise.js';
import { problemOf, sliceFile, type SliceSettings } from './slice-file.node.js';

const WORKER = new URL('./_slice-worker.node.js', import.meta.url);
/** Files that are begun per thread, so that none waits while the main thread takes another's slices. */
const FILES_PER_WORKER = 2;

/** What comes of a file, by its place among the files: blocks of slices, then its end. */
export type FilePart = { readonly file: number } & (SliceBlock | FileEnd);

export interface FileEnd {
  /** Why the file cannot be used, whatever came of it before; null when it can. */
  readonly problem: string | null;
}

export interface SliceFilesOptions extends SliceSettings {
  /** Threads; 0 does the work on this one. */
  readonly workers: number;
  readonly signal?: AbortSignal;
}

/**
 * Slices files. The parts of a file come together, file after file.
 *
 * Memory: a megabyte or two for each file under way, two of them per thread, and what a thread takes.
 * @throws the signal's reason when aborted
 */
export async function* sliceFiles(paths: readonly string[], { workers, ...options }: SliceFilesOptions): AsyncGenerator<FilePart> {
  const pool = await openWorkerPool(WORKER, Math.min(workers, paths.length));
  if (pool === null) {
    yield* sliceHere(paths, options);
    return;
  }
  try {
    yield* sliceInThreads(paths, pool, options);
  } finally {
    await pool.close();
  }
}

async function* sliceHere(paths: readonly string[], { signal, ...settings }: Omit<SliceFilesOptions, 'workers'>): AsyncGenerator<FilePart> {
  const codec = createImageCodec(settings.mel);
  for (const [file, path] of paths.entries()) {
    let problem: string | null = null;
    signal?.throwIfAborted();
    try {
      for await (const { image, offsetFrames, fillFrames } of sliceFile(path, settings, codec)) {
        if (signal?.aborted === true) break;
        yield { file, records: quantiseImage(image), places: [[offsetFrames, fillFrames]] };
      }
    } catch (error) {
      problem = problemOf(path, error);
    }
    signal?.throwIfAborted();
    yield { file, problem };
  }
}

async function* sliceInThreads(paths: readonly string[], pool: WorkerPool, { signal, ...settings }: Omit<SliceFilesOptions, 'workers'>): AsyncGenerator<FilePart> {
  const lanes = FILES_PER_WORKER * pool.workers;
  const memories = Array.from({ length: lanes }, () => createSliceMemory(imageRows(settings.mel) * settings.mel.frames));
  const begun = inOrder(paths.entries(), lanes, ([file, path]) => {
    const memory = memories[file % lanes]; // its last file, `lanes` before this one, has ended
    resetSliceMemory(memory);
    const { port1, port2 } = new MessageChannel();
    const stop = new AbortController();
    const task: SliceTask = { path, settings, memory, port: port2 };
    pool.run(task, { transfer: [port2], signal }).catch((error: unknown) => stop.abort(error)); // thrown where its slices are waited for
    return { file, parts: receiveSlices({ memory, port: port1, signal: stop.signal }) };
  });
  for await (const { file, parts } of begun) for await (const part of parts) yield { file, ...part };
}
