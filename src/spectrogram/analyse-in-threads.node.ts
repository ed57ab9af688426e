// The mel image of a long sound by threads, a piece for each: the same values to the last bit as in one go.
import { inOrder } from '../base/in-order.js';
import { openWorkerPool, type WorkerPool } from '../base/worker-pool.node.js';
import type { MelSettings } from '../config/mel.js';
import type { AnalyseTask } from './_analyse-worker.node.js';
import { createMelCodec, requireSound } from './mel-codec.js';
import type { MelImage } from './mel-image.js';

const WORKER = new URL('./_analyse-worker.node.js', import.meta.url);
/** Frames of a piece. Fewer: more of them are analysed twice, at the edges. */
const PIECE_FRAMES = 2048;
/** Pieces that are begun per thread, so that none waits while the main thread stores another's. */
const LANES_PER_WORKER = 2;

/** The pool of the last sound, whose threads wait a while for the next one. */
let kept: { readonly workers: number; readonly pool: Promise<WorkerPool | null> } | null = null;

function keptPool(workers: number): Promise<WorkerPool | null> {
  if (kept?.workers !== workers) kept = { workers, pool: openWorkerPool(WORKER, workers) };
  return kept.pool;
}

export interface AnalyseOptions {
  /** Threads; 0 does the work on this one. */
  readonly workers: number;
  readonly signal?: AbortSignal;
}

/**
 * Analyses a sound as `createMelCodec` does. A sound of less than two pieces is analysed here.
 *
 * Shape: [T] -> [M, N]. Memory: the image, and two pieces of the sound for each thread.
 * @throws MelstromError as the codec does; the signal's reason when aborted
 */
export async function analyseInThreads(sound: Float32Array, settings: MelSettings, { workers, signal }: AnalyseOptions): Promise<MelImage> {
  const { melBins, hopSamples, fftSize } = settings;
  const frameCount = 1 + Math.floor(sound.length / hopSamples);
  const pieces = Math.ceil(frameCount / PIECE_FRAMES);
  const pool = pieces < 2 ? null : await keptPool(workers);
  if (pool === null) return createMelCodec(settings).analyse(sound);
  const context = Math.ceil(fftSize / 2 / hopSamples) + 1; // frames to either side, so that what is mirrored lies inside
  const data = new Float32Array(melBins * frameCount);
  // Shared and used again: memory that moves between threads is taken from the system each time, and slows their loops down.
  const lanes = LANES_PER_WORKER * pool.workers;
  const memories = Array.from({ length: Math.min(lanes, pieces) }, () => ({
    samples: sharedFloats((PIECE_FRAMES + 2 * context + 1) * hopSamples),
    cells: sharedFloats(melBins * PIECE_FRAMES),
  }));
  const firsts = Array.from({ length: pieces }, (_, piece) => piece * PIECE_FRAMES);
  const analysed = inOrder(firsts.entries(), lanes, async ([piece, first]) => {
    const memory = memories[piece % lanes]; // its last piece, `lanes` before this one, is in the image
    const last = Math.min(first + PIECE_FRAMES, frameCount);
    const from = Math.max(0, first - context);
    const inside = sound.subarray(from * hopSamples, last === frameCount ? sound.length : (last + context) * hopSamples);
    const samples = memory.samples.subarray(0, inside.length);
    const cells = memory.cells.subarray(0, melBins * (last - first));
    samples.set(inside);
    await pool.run({ settings, samples, first: first - from, last: last - from, cells } satisfies AnalyseTask, { signal });
    return { first, width: last - first, cells };
  });
  try {
    for await (const { first, width, cells } of analysed) {
      for (let row = 0; row < melBins; row += 1) data.set(cells.subarray(row * width, (row + 1) * width), row * frameCount + first);
    }
  } catch (error) {
    signal?.throwIfAborted();
    requireSound(sound); // names a sample by its place in the whole, which a thread does not know
    throw error;
  }
  return { settings, frameCount, data };
}

function sharedFloats(count: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT));
}
