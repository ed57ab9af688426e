// The work of a thread that analyses: some frames of a piece of sound. Loads no engine.
import { workerTask } from '../base/worker-task.node.js';
import type { MelSettings } from '../config/mel.js';
import { createMelCodec, type MelCodec } from './mel-codec.js';

export interface AnalyseTask {
  readonly settings: MelSettings;
  /** The frames that are wanted, and around them what lies under their windows. Memory: shared, as are the cells. */
  readonly samples: Float32Array;
  /** Frames that are wanted, the others being there for their sound: from `first` on and before `last`. */
  readonly first: number;
  readonly last: number;
  /** Where they go. Shape: [M, last - first]. */
  readonly cells: Float32Array;
}

/** The codec of the last piece: all of a sound have one. */
let kept: { readonly key: string; readonly codec: MelCodec } | null = null;

function analysePiece({ settings, samples, first, last, cells }: AnalyseTask): void {
  const key = JSON.stringify(settings);
  if (kept?.key !== key) kept = { key, codec: createMelCodec(settings) };
  cells.set(kept.codec.analyseFrames(samples, first, last));
}

export const work = workerTask(analysePiece);
