// A k-nearest-neighbour judge fitted on real clips alone, which says what label a clip sounds like. Never sees a generated clip when fitted.
import { MelstromError } from '../base/errors.js';

/** One clip to the judge: its statistics and its label's index. */
export interface JudgedClip {
  readonly features: Float64Array;
  readonly label: number;
}

export interface Judge {
  /** The label that most of the k nearest real clips carry; ties go to the nearer. */
  assign(features: Float64Array): number;
  /** Share in [0, 1] of clips that are assigned their own label. */
  agreement(clips: readonly JudgedClip[]): number;
  /** Share in [0, 1] of the real clips it was fitted on that are assigned their own label by all the others: what perfect copies of them would reach. */
  selfAgreement(): number;
  /** How often each label was asked for (row) and assigned (column). Shape: [labels, labels]. */
  confusion(clips: readonly JudgedClip[], labelCount: number): number[][];
}

/**
 * Fits a judge: every feature is divided by its standard deviation over the real clips, distances are Euclidean, and each
 * neighbour votes with the weight 1 / (1 + distance).
 *
 * @throws MelstromError when there are no real clips.
 */
export function fitJudge(real: readonly JudgedClip[], { neighbours = 5 }: { readonly neighbours?: number } = {}): Judge {
  if (real.length === 0) {
    throw new MelstromError({ kind: 'data', where: 'judge', got: 'no real clips', expected: 'at least one per label' });
  }
  const scales = featureScales(real);
  const points = real.map((clip) => ({ label: clip.label, scaled: scaled(clip.features, scales) }));
  const assign = (features: Float64Array, withoutIndex = -1): number => {
    const wanted = scaled(features, scales);
    const nearest = points
      .filter((_, index) => index !== withoutIndex)
      .map((point) => ({ label: point.label, distance: distance(point.scaled, wanted) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, neighbours);
    const votes = new Map<number, number>();
    for (const { label, distance: away } of nearest) votes.set(label, (votes.get(label) ?? 0) + 1 / (1 + away));
    return [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best))[0];
  };
  return {
    assign: (features) => assign(features),
    agreement: (clips) => clips.filter((clip) => assign(clip.features) === clip.label).length / Math.max(1, clips.length),
    selfAgreement: () => real.filter(({ features, label }, index) => assign(features, index) === label).length / real.length,
    confusion(clips, labelCount) {
      const table = Array.from({ length: labelCount }, () => Array.from({ length: labelCount }, () => 0));
      for (const clip of clips) table[clip.label][assign(clip.features)] += 1;
      return table;
    },
  };
}

function featureScales(clips: readonly JudgedClip[]): Float64Array {
  const size = clips[0].features.length;
  return Float64Array.from({ length: size }, (_, index) => {
    const mean = clips.reduce((sum, clip) => sum + clip.features[index], 0) / clips.length;
    const variance = clips.reduce((sum, clip) => sum + (clip.features[index] - mean) ** 2, 0) / clips.length;
    return variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
  });
}

function scaled(features: Float64Array, scales: Float64Array): Float64Array {
  return features.map((value, index) => value * scales[index]);
}

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] - b[index]) ** 2;
  return Math.sqrt(sum / a.length);
}
