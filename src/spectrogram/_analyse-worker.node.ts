// The work of a thread that analyses: some frames of a piece of sound. Loads no engine.
import { workerTask } from '../base/worker-task.node.js';
import type { MelSettings } from '../config/mel.js';
import { createMelCodec, type MelCodec } from './mel-codec.js';

export interface AnalyseTask {
  readonly settings: MelSettings;
  readonly samples: Float32Array;
  /** Frames that are wanted, the others being there for their sound: from `first` on and before `last`. */
  readonly first: number;
  readonly last: number;
}

/** The codec of the last piece: all of a sound have one. */
let kept: { readonly key: string; readonly codec: MelCodec } | null = null;

/** Shape: [T] -> [M, last - first]. */
function analysePiece({ settings, samples, first, last }: AnalyseTask): Float32Array<ArrayBuffer> {
  const key = JSON.stringify(settings);
  if (kept?.key !== key) kept = { key, codec: createMelCodec(settings) };
  const { data, frameCount } = kept.codec.analyse(samples);
  const cells = new Float32Array(settings.melBins * (last - first));
  for (let row = 0; row < settings.melBins; row += 1) cells.set(data.subarray(row * frameCount + first, row * frameCount + last), row * (last - first));
  return cells;
}

export const work = workerTask(analysePiece, ({ buffer }) => [buffer]);
