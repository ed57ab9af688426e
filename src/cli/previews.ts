// Previews in training: the autoencoder's and the vocoder's round trips, and clips drawn through the very function that `generate` calls.
import type { RunConfig } from '../config/run-config.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { generateClips, safeLabel, safeLabels } from '../generation/index.js';
import { reconstructImage } from '../generation/reconstruct.js';
import { renderPng, contactSheet } from '../spectrogram/render.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { Preview, PreviewCallback } from '../training/previews.node.js';
import type { VocoderPreviewCallback } from '../training/train-vocoder.node.js';
import { createNeuralVocoder } from '../vocoder/neural-vocoder.js';
import { chooseVocoder } from './choose-vocoder.js';

const PREVIEW_COUNT = 8;

/** Creates the callback that the training loop calls at its preview interval. Memory: disposes nothing of the pipeline. */
export function createPreviews(config: RunConfig, corpus: PreparedCorpus): PreviewCallback {
  return async ({ pipeline, stage }) => {
    if (stage === 'vae') {
      const pairs = validationImages(corpus).flatMap((image) => [image, reconstructImage(pipeline, image)]);
      return [{ name: 'round-trips', png: contactSheet(pairs, { columns: 4 }) }];
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
export function createVocoderPreviews(corpus: PreparedCorpus): VocoderPreviewCallback {
  return async ({ vocoder }) => {
    const { invert } = createNeuralVocoder(vocoder);
    return validationImages(corpus).map((image, index): Preview => ({ name: `${index}-round-trip`, clip: invert(image) }));
  };
}

/** A few slices of the validation split, of training where there are no others. */
function validationImages(corpus: PreparedCorpus): MelImage[] {
  const split = corpus.sliceCount('validation') > 0 ? 'validation' : 'train';
  const count = Math.min(PREVIEW_COUNT, corpus.sliceCount(split));
  return Array.from({ length: count }, (_, index) => ({ settings: corpus.mel, frameCount: corpus.mel.frames, data: corpus.slice(split, index).image }));
}

/** Captions of the corpus in turn, validation's where there are any, or no words at all. */
function previewPrompts(corpus: Pick<PreparedCorpus, 'captionsOf'>): string[] {
  const captions = [...new Set([...(corpus.captionsOf('validation') ?? []), ...(corpus.captionsOf('train') ?? [])])].filter((caption) => caption !== '');
  return Array.from({ length: PREVIEW_COUNT }, (_, index) => (captions.length === 0 ? '' : captions[index % captions.length]));
}
