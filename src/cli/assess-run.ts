// Judges a trained pipeline against its corpus: round trips, generated clips, and the numbers that the demonstration and `evaluate` report.
import { dirname, extname, join } from 'node:path';
import type { Clip } from '../audio/clip.js';
import { loadMono } from '../audio/load.node.js';
import type { Reporter } from '../base/logger.js';
import type { CorpusConfig } from '../config/corpus.js';
import type { GenerationConfig } from '../config/generation.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { fitJudge, type JudgedClip } from '../evaluation/judge.js';
import { measureLevel, reportLevels, type LevelReport } from '../evaluation/level-guard.js';
import { logMelStatistics } from '../evaluation/log-mel-statistics.js';
import { melDistance, poolDistances, type MelDistance } from '../evaluation/mel-distance.js';
import { generateClips, type GeneratedClip } from '../generation/generate.js';
import { reconstructImage } from '../generation/reconstruct.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';

/** A slice of the corpus with everything that is compared. */
export interface RealClip {
  readonly file: string;
  readonly label: number;
  readonly image: MelImage;
  readonly clip: Clip;
}

/** A real clip and its round trip through the codec and Griffin-Lim alone, and through the autoencoder. */
export interface RoundTrip {
  readonly real: RealClip;
  readonly inverted: Clip;
  /** null when the pipeline diffuses on pixels. */
  readonly decoded: { readonly image: MelImage; readonly clip: Clip } | null;
}

export interface Assessment {
  readonly figures: {
    readonly judgeAccuracyOnValidation: number;
    readonly judgeAgreement: number;
    readonly agreementByLabel: Readonly<Record<string, number>>;
    /** Through the autoencoder, over all validation slices; null on pixels. */
    readonly vaeError: MelDistance | null;
    readonly inversionError: MelDistance;
    readonly levels: LevelReport;
    readonly generatedCount: number;
  };
  readonly roundTrips: readonly RoundTrip[];
  readonly generated: readonly GeneratedClip[];
}

export interface AssessOptions {
  readonly pipeline: Pipeline;
  readonly corpus: PreparedCorpus;
  readonly generation: GenerationConfig;
  /** Where the corpus lies and how its channels become one. */
  readonly source: CorpusConfig;
  readonly clipsPerLabel: number;
  /** Real clips per label whose round trips are made into sound. */
  readonly examplesPerLabel: number;
  readonly seed: number;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** Draws clips for every label and compares them, and the round trips, with the real ones. Nothing is written. */
export async function assessRun(options: AssessOptions): Promise<Assessment> {
  const { pipeline, corpus, generation } = options;
  const codec = createMelCodec(pipeline.mel);
  const vocoder = createGriffinLimVocoder(pipeline.mel, { iterations: generation.griffinLimIterations });
  const training = realSlices(corpus, 'train');
  const validation = realSlices(corpus, 'validation');
  const judged = ({ image, label }: { image: MelImage; label: number }): JudgedClip => ({ features: logMelStatistics(image), label });
  const judge = fitJudge(training.map(judged));

  const generated = await drawAll(options);
  const heard = generated.map(({ clip, label }) => ({ image: codec.analyse(clip.channels[0]), label: label ?? 0 }));
  const judgedClips = heard.map(judged);
  const vaeImages = pipeline.vae === null ? null : validation.map(({ image }) => reconstructImage(pipeline, image));

  const examples = validation.length === 0 ? training : validation;
  const chosen = corpus.labels.flatMap((_, label) => examples.filter((slice) => slice.label === label).slice(0, options.examplesPerLabel));
  const roundTrips: RoundTrip[] = [];
  for (const slice of chosen) {
    const decodedImage = pipeline.vae === null ? null : reconstructImage(pipeline, slice.image);
    roundTrips.push({
      real: { ...slice, clip: await sourceClip(slice, options) },
      inverted: vocoder.invert(slice.image, { seed: options.seed }),
      decoded: decodedImage === null ? null : { image: decodedImage, clip: vocoder.invert(decodedImage, { seed: options.seed }) },
    });
  }
  const realLevels = await Promise.all([...training, ...validation].map(async (slice) => measureLevel((await sourceClip(slice, options)).channels[0])));
  return {
    figures: {
      judgeAccuracyOnValidation: judge.agreement(validation.map(judged)),
      judgeAgreement: judge.agreement(judgedClips),
      agreementByLabel: Object.fromEntries(
        corpus.labels.map((name, label) => [name, judge.agreement(judgedClips.filter((clip) => clip.label === label))]),
      ),
      vaeError: vaeImages === null ? null : poolDistances(vaeImages.map((image, index) => melDistance(validation[index].image, image))),
      inversionError: poolDistances(roundTrips.map(({ real, inverted }) => melDistance(real.image, codec.analyse(inverted.channels[0])))),
      levels: reportLevels(generated.map(({ clip }) => measureLevel(clip.channels[0])), realLevels),
      generatedCount: generated.length,
    },
    roundTrips,
    generated,
  };
}

interface RealSlice {
  readonly file: string;
  readonly label: number;
  readonly offsetFrames: number;
  readonly image: MelImage;
}

function realSlices(corpus: PreparedCorpus, split: 'train' | 'validation'): RealSlice[] {
  return Array.from({ length: corpus.sliceCount(split) }, (_, index) => {
    const { image, label, file, offsetFrames } = corpus.slice(split, index);
    return { file, label, offsetFrames, image: { settings: corpus.mel, frameCount: corpus.mel.frames, data: image } };
  });
}

/** The recording behind a slice: cut, or filled with silence, to the slice's length. */
async function sourceClip({ file, offsetFrames, image }: RealSlice, { source }: Pick<AssessOptions, 'source'>): Promise<Clip> {
  const { sampleRateHz, hopSamples } = image.settings;
  const signal = await loadMono(join(corpusRoot(source), file), { sampleRateHz, downmix: source.downmix });
  const start = offsetFrames * hopSamples;
  const samples = new Float32Array((image.frameCount - 1) * hopSamples);
  samples.set(signal.subarray(start, start + samples.length));
  return { sampleRateHz, channels: [samples] };
}

/** The folder that names of the corpus' files are relative to. */
function corpusRoot({ path, manifest }: CorpusConfig): string {
  if (manifest !== null) return dirname(manifest);
  return extname(path).toLowerCase() === '.csv' ? dirname(path) : path;
}

async function drawAll({ pipeline, corpus, generation, clipsPerLabel, seed, reporter, signal }: AssessOptions): Promise<GeneratedClip[]> {
  const labels = corpus.labels.flatMap((_, label) => Array.from({ length: clipsPerLabel }, () => label));
  const progress = reporter.startProgress('generate', labels.length, 'clips');
  const generated: GeneratedClip[] = [];
  const vocoder = createGriffinLimVocoder(pipeline.mel, { iterations: generation.griffinLimIterations });
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
