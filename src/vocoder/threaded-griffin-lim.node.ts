// The Griffin-Lim vocoder in threads beside the main one, which stays free: many images at once, the same sounds to the last bit.
import { openWorkerPool, type WorkerPool } from '../base/worker-pool.node.js';
import type { Clip } from '../audio/clip.js';
import type { MelSettings } from '../config/mel.js';
import type { InvertTask } from './_invert-worker.node.js';
import { createGriffinLimVocoder, type GriffinLimVocoderOptions, type Inverter } from './griffin-lim-vocoder.js';

const WORKER = new URL('./_invert-worker.node.js', import.meta.url);

export interface ThreadOptions {
  /** Images that are inverted at once, in [1, 256]. */
  readonly workers: number;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
}

/**
 * Creates the vocoder; threads start with the first image. Where none can be started, and for a sound of which only a part is made anew,
 * whose limit is a function, it works on the thread that asks.
 *
 * Memory: an image and a sound for each image that is asked for, and what a thread takes; threads without work end by themselves.
 */
export function createThreadedGriffinLim(settings: MelSettings, options: GriffinLimVocoderOptions, { workers, signal }: ThreadOptions): Inverter<Clip | Promise<Clip>> {
  const here = createGriffinLimVocoder(settings, options);
  let opening: Promise<WorkerPool | null> | null = null;
  return {
    name: here.name,
    isContinuing: here.isContinuing,
    lanes: workers + 1, // so that none waits while a sound is taken
    async invert(image, asked = {}) {
      opening ??= asked.around === undefined ? openWorkerPool(WORKER, workers) : null;
      const pool = asked.around === undefined ? await opening : null;
      if (pool === null) return here.invert(image, asked);
      const { settings: own, frameCount, data } = image;
      const task: InvertTask = { settings, options, asked, image: { settings: own, frameCount, data: withoutRest(data) } };
      return pool.run<Clip>(task, { signal });
    },
  };
}

/** A view of a larger buffer would take all of it along. */
function withoutRest(data: Float32Array): Float32Array {
  return data.byteLength === data.buffer.byteLength ? data : data.slice();
}
