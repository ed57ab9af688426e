// Judges a trained pipeline against its corpus: round trips, generated clips, and the numbers that the demonstration and `evaluate` report.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clip } from '../audio/clip.js';
import { inOrder } from '../base/in-order.js';
import type { Reporter } from '../base/logger.js';
import type { CorpusConfig } from '../config/corpus.js';
import type { GenerationConfig } from '../config/generation.js';
import type { MelSettings } from '../config/mel.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { convPrecision, type ConvPrecision } from '../engine/ops/index.js';
import { fitJudge, type JudgedClip } from '../evaluation/judge.js';
import { guardedClip, reportLevels, type LevelReport } from '../evaluation/level-guard.js';
import { logMelStatistics } from '../evaluation/log-mel-statistics.js';
import { melDistance, poolDistances, type MelDistance } from '../evaluation/mel-distance.js';
import { generateClips, type GeneratedClip } from '../generation/generate.js';
import { reconstructImage } from '../generation/reconstruct.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import { chooseVocoder, type VocoderChoice } from './choose-vocoder.js';
import type { SoundClip } from './evaluate-sets.js';
import { listRealSlices, realLevels, sharedLabels, soundOf, type RealSlice } from './real-sounds.js';

/** A real clip and its round trip through the codec and the vocoder alone, and through the autoencoder. */
export interface RoundTrip {
  readonly image: MelImage;
  readonly real: Clip;
  readonly inverted: Clip;
  /** null when the pipeline diffuses on pixels. */
  readonly decoded: { readonly image: MelImage; readonly clip: Clip } | null;
}

/** What there is to see and hear of one label. */
export interface LabelAssessment {
  readonly name: string;
  readonly roundTrips: readonly RoundTrip[];
  readonly generated: readonly GeneratedClip[];
}

export interface Assessment {
  readonly figures: {
    /** null without labels, or when no real clip was held out. */
    readonly judgeAccuracyOnValidation: number | null;
    /** Of the real clips it knows, each judged by the others; null without labels. */
    readonly judgeAccuracyOnTraining: number | null;
    /** null without labels. */
    readonly judgeAgreement: number | null;
    readonly agreementByLabel: Readonly<Record<string, number>>;
    /** Through the autoencoder, over all validation slices; null on pixels. */
    readonly vaeError: MelDistance | null;
    readonly inversionError: MelDistance;
    readonly levels: LevelReport;
    readonly generatedCount: number;
    /** That clips were drawn in. */
    readonly precision: ConvPrecision;
  };
  /** Whether the real clips that are shown, and the errors, are of clips that training has not seen. */
  readonly isHeldOut: boolean;
  readonly labels: readonly LabelAssessment[];
}

export interface AssessOptions {
  readonly pipeline: Pipeline;
  readonly corpus: PreparedCorpus;
  readonly generation: GenerationConfig;
  /** Default auto. */
  readonly vocoder?: VocoderChoice;
  /** Threads that invert. Default as many as the clips are worth. */
  readonly workers?: number;
  /** Where the corpus lies and how its channels become one. */
  readonly source: CorpusConfig;
  readonly clipsPerLabel: number;
  /** Real clips per label whose round trips are made into sound. */
  readonly examplesPerLabel: number;
  readonly seed: number;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Draws clips for every label that model and corpus share, and compares them, and the round trips, with the real ones. Nothing
 * is written.
 *
 * Memory: the clips that are shown, and a vector of statistics per slice of the corpus.
 * @throws MelstromError of kind 'usage' when model and corpus share no label; the signal's reason when aborted
 */
export async function assessRun(options: AssessOptions): Promise<Assessment> {
  const { pipeline, corpus, signal } = options;
  const shared = sharedLabels(pipeline.labels, corpus);
  const training = listRealSlices(corpus, 'train', shared);
  const validation = listRealSlices(corpus, 'validation', shared);
  const isHeldOut = validation.length > 0;
  const shown = isHeldOut ? validation : training;
  const judged = ({ image, label }: { image: MelImage; label: number }): JudgedClip => ({ features: logMelStatistics(image), label });
  const judge = fitJudge((training.length > 0 ? training : validation).map((slice) => judged({ image: slice.image(), label: slice.label })));

  const vocoder = chooseVocoder(pipeline, options.generation, options.vocoder, { workers: options.workers, clips: shared.length * options.clipsPerLabel, frames: pipeline.mel.frames, signal });
  const generated = await drawAll(options, shared.map(({ model }) => model), vocoder);
  const codec = createImageCodec(pipeline.mel);
  const drawn = generated.map(({ clip, label }) => ({ channels: clip.channels, label: shared.findIndex(({ model }) => model === label) }));
  const heard = drawn.map(({ channels, label }) => judged({ image: codec.analyse(channels), label }));
  const hasLabels = shared[0].model !== null;
  const roundTrips: RoundTrip[][] = [];
  for (const label of shared.keys()) {
    const examples = shown.filter((slice) => slice.label === label).slice(0, options.examplesPerLabel);
    roundTrips.push([]);
    for await (const trip of inOrder(examples, vocoder.lanes ?? 1, (slice) => roundTrip(slice, options, vocoder))) roundTrips[label].push(trip);
  }
  const inversions = roundTrips.flat().map(({ image, inverted }) => melDistance(image, codec.analyse(inverted.channels)));
  return {
    figures: {
      judgeAccuracyOnValidation: hasLabels && isHeldOut ? judge.agreement(validation.map((slice) => judged({ image: slice.image(), label: slice.label }))) : null,
      judgeAccuracyOnTraining: hasLabels ? judge.selfAgreement() : null,
      judgeAgreement: hasLabels ? judge.agreement(heard) : null,
      agreementByLabel: hasLabels ? Object.fromEntries(shared.map(({ name }, label) => [name, judge.agreement(heard.filter((clip) => clip.label === label))])) : {},
      vaeError: pipeline.vae === null ? null : await autoencoderError(pipeline, shown, signal),
      inversionError: poolDistances(inversions),
      levels: reportLevels(drawn.map(({ channels, label }) => guardedClip(channels, { sampleRateHz: pipeline.mel.sampleRateHz, label })), await realLevels([...training, ...validation], options)),
      generatedCount: generated.length,
      precision: convPrecision(),
    },
    isHeldOut,
    labels: shared.map(({ name, model }, label) => ({ name, roundTrips: roundTrips[label], generated: generated.filter((clip) => clip.label === model) })),
  };
}

/** The drawn clips of an assessment as a set. */
export function soundClipsOf({ labels }: Assessment, mel: MelSettings): SoundClip[] {
  const codec = createImageCodec(mel);
  return labels.flatMap(({ name, generated }, label) => generated.map(({ clip, seed }) => ({ name: `${name}, seed ${seed}`, clip, label, image: codec.analyse(clip.channels) })));
}

async function roundTrip(slice: RealSlice, { pipeline, source, seed, signal }: AssessOptions, vocoder: Vocoder): Promise<RoundTrip> {
  signal?.throwIfAborted();
  const image = slice.image();
  const decoded = pipeline.vae === null ? null : reconstructImage(pipeline, image);
  const [inverted, clip] = await Promise.all([vocoder.invert(image, { seed }), decoded === null ? null : vocoder.invert(decoded, { seed })]);
  return { image, real: await soundOf(slice, source), inverted, decoded: decoded === null || clip === null ? null : { image: decoded, clip } };
}

async function autoencoderError(pipeline: Pipeline, slices: readonly RealSlice[], signal: AbortSignal | undefined): Promise<MelDistance> {
  const distances: MelDistance[] = [];
  for (const slice of slices) {
    await nextTurn(); // lets an interrupt in
    signal?.throwIfAborted();
    const image = slice.image();
    distances.push(melDistance(image, reconstructImage(pipeline, image)));
  }
  return poolDistances(distances);
}

async function drawAll({ pipeline, generation, clipsPerLabel, seed, reporter, signal }: AssessOptions, wanted: readonly (number | null)[], vocoder: Vocoder): Promise<GeneratedClip[]> {
  const labels = wanted.flatMap((label) => Array.from({ length: clipsPerLabel }, () => label));
  const progress = reporter.startProgress('generate', labels.length, 'clips');
  const generated: GeneratedClip[] = [];
  try {
    for await (const clip of generateClips(pipeline, { ...generation, labels, seeds: labels.map((_, index) => seed + index), vocoder, signal })) {
      generated.push(clip);
      progress.update(generated.length);
    }
  } finally {
    progress.end();
  }
  return generated;
}
