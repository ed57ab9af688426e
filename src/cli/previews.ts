// Previews in training: the autoencoder's and the vocoder's round trips, and clips drawn through the very function that `generate` calls.
import type { RunConfig } from '../config/run-config.js';
import { monoMel } from '../config/mel-layout.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { midSide } from '../dsp/mid-side.js';
import { generateClips, safeLabel, safeLabels } from '../generation/index.js';
import { reconstructImage } from '../generation/reconstruct.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { imageChannel } from '../spectrogram/mel-image.js';
import { renderPng, contactSheet } from '../spectrogram/render.js';
import type { Preview, PreviewCallback } from '../training/previews.node.js';
import type { VocoderPreviewCallback } from '../training/train-vocoder.node.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { createNeuralVocoder } from '../vocoder/neural-vocoder.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import { chooseVocoder } from './choose-vocoder.js';
import { measureFixedClips, type FixedClip, type FixedFigures } from './fixed-clips.js';
import { inverterOptions } from './inverter-flags.js';

const PREVIEW_COUNT = 8;

export interface PreviewOptions {
  readonly config: RunConfig;
  readonly corpus: PreparedCorpus;
  /** The same at every preview. */
  readonly clips: readonly FixedClip[];
}

/** Creates the callback that the training loop calls at its preview interval. Memory: disposes nothing of the pipeline. */
export function createPreviews({ config, corpus, clips }: PreviewOptions): PreviewCallback {
  const codec = createMelCodec({ ...config.mel, channels: 1 });
  let inverted: FixedFigures | null = null; // the same at every step
  return async ({ pipeline, stage }) => {
    if (stage === 'vae') {
      const vocoder = chooseVocoder(pipeline, config.generation);
      const decoded = clips.map(({ image }) => reconstructImage(pipeline, image));
      inverted ??= measureFixedClips(clips, await soundsOf(clips.map(({ image }) => image), vocoder), codec);
      const figures = { inverted, vae: measureFixedClips(clips, await soundsOf(decoded, vocoder), codec) };
      return [{ name: 'round-trips', png: contactSheet(clips.flatMap(({ image }, index) => [image, decoded[index]]), { columns: 4 }), figures: ladderTags(figures) }];
    }
    if (pipeline.unet === null) return []; // an upscaler alone, which has nothing to enlarge yet
    const labels = Array.from({ length: PREVIEW_COUNT }, (_, index) => (pipeline.labels.length === 0 ? null : index % pipeline.labels.length));
    const names = safeLabels(pipeline.labels);
    const prompts = pipeline.text === null ? undefined : previewPrompts(corpus);
    const previews: Preview[] = [];
    const request = { ...config.generation, labels, prompts, seeds: labels.map((_, index) => index), vocoder: chooseVocoder(pipeline, config.generation) };
    for await (const { index, image, clip, label } of generateClips(pipeline, request)) {
      const word = prompts?.[index] ? safeLabel(prompts[index]) : 'clip';
      previews.push({ name: `${index}-${label === null ? word : names[label]}`, png: renderPng(image, { scale: 2 }), clip });
    }
    return previews;
  };
}

/** Creates the callback for the vocoder in training: real slices, made sound of. Memory: disposes nothing of the vocoder. */
export function createVocoderPreviews({ config, clips }: Omit<PreviewOptions, 'corpus'>): VocoderPreviewCallback {
  const codec = createMelCodec({ ...config.mel, channels: 1 });
  const images = clips.map(({ image }) => (image.settings.channels === 2 ? imageChannel(image, 0) : image)); // a vocoder's network is one of a single channel
  let inverted: FixedFigures | null = null;
  return async ({ vocoder }) => {
    inverted ??= measureFixedClips(clips, await soundsOf(images, createGriffinLimVocoder(monoMel(config.mel), inverterOptions(config.generation))), codec);
    const made = await soundsOf(images, createNeuralVocoder(vocoder, inverterOptions(config.generation)));
    const figures = ladderTags({ inverted, vocoder: measureFixedClips(clips, made, codec) });
    return made.map((sound, index): Preview => ({
      name: `${index}-round-trip`, png: renderPng(codec.analyse(sound), { scale: 2 }), clip: { sampleRateHz: config.mel.sampleRateHz, channels: [sound] }, ...(index === 0 && { figures }),
    }));
  };
}

/** Of stereo sound the mid. */
async function soundsOf(images: readonly FixedClip['image'][], vocoder: Vocoder): Promise<Float32Array[]> {
  const sounds: Float32Array[] = [];
  for (const image of images) {
    const { channels: [first, second] } = await vocoder.invert(image);
    sounds.push(second === undefined ? first : midSide(first, second)[0]);
  }
  return sounds;
}

/** `ladder/<rung>/<figure>` → value. */
function ladderTags(rungs: Readonly<Record<string, FixedFigures>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rungs).flatMap(([rung, figures]) => Object.entries(figures).map(([figure, value]) => [`ladder/${rung}/${figure}`, value as number])));
}

/** Captions of the corpus in turn, validation's where there are any, or no words at all. */
function previewPrompts(corpus: Pick<PreparedCorpus, 'captionsOf'>): string[] {
  const captions = [...new Set([...(corpus.captionsOf('validation') ?? []), ...(corpus.captionsOf('train') ?? [])])].filter((caption) => caption !== '');
  return Array.from({ length: PREVIEW_COUNT }, (_, index) => (captions.length === 0 ? '' : captions[index % captions.length]));
}
