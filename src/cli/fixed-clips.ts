// Real slices that stay the same all through a training, with the recordings behind them: what previews show, and how much of them is kept.
import type { CorpusConfig } from '../config/corpus.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { midSide } from '../dsp/mid-side.js';
import { melDistance } from '../evaluation/mel-distance.js';
import { logSpectralDistance } from '../evaluation/spectral-distances.js';
import type { MelCodec } from '../spectrogram/mel-codec.js';
import { imageChannel, type MelImage } from '../spectrogram/mel-image.js';
import { listRealSlices, sharedLabels, soundOf } from './real-sounds.js';

/** A slice and its recording, of stereo sound the mid of it. */
export interface FixedClip {
  readonly image: MelImage;
  /** Shape: [T]. */
  readonly sound: Float32Array;
}

/** The ladder's figures of one rung, means over the clips that are not silent; none where all are. */
export interface FixedFigures {
  readonly logSpectralDb?: number;
  readonly melErrorDb?: number;
}

const CLIP_COUNT = 8;

/** A few slices, spread evenly over the validation split, or over training's where there is no other. */
export async function readFixedClips(corpus: PreparedCorpus, source: CorpusConfig): Promise<FixedClip[]> {
  const slices = listRealSlices(corpus, corpus.sliceCount('validation') > 0 ? 'validation' : 'train', sharedLabels([], corpus));
  const count = Math.min(CLIP_COUNT, slices.length);
  const chosen = Array.from({ length: count }, (_, index) => slices[Math.floor((index * slices.length) / count)]);
  return Promise.all(chosen.map(async (slice) => {
    const { channels: [left, right] } = await soundOf(slice, source);
    return { image: slice.image(), sound: right === undefined ? left : midSide(left, right)[0] };
  }));
}

/** Compares what was made of each clip, of stereo sound the mid, with its recording, as `reconstruct` does. Shape: [T] each, or longer. */
export function measureFixedClips(clips: readonly FixedClip[], made: readonly Float32Array[], codec: MelCodec): FixedFigures {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const figures = {
    logSpectralDb: mean(clips.map(({ sound }, index) => logSpectralDistance({ reference: sound, candidate: made[index].subarray(0, sound.length) })).filter(Number.isFinite)),
    melErrorDb: mean(clips.map(({ image }, index) => melDistance(image.settings.channels === 2 ? imageChannel(image, 0) : image, codec.analyse(made[index])).activeErrorDb).filter(Number.isFinite)),
  };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => Number.isFinite(value)));
}
