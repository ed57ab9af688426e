// Previews in training: the autoencoder's round trips, and clips drawn through the very function that `generate` calls.
import type { RunConfig } from '../config/run-config.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { generateClips, safeLabel, safeLabels } from '../generation/index.js';
import { reconstructImage } from '../generation/reconstruct.js';
import { renderPng, contactSheet } from '../spectrogram/render.js';
import type { Preview, PreviewCallback } from '../training/previews.node.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { inverterOptions } from './inverter-flags.js';

const PREVIEW_COUNT = 8;

/** Creates the callback that the training loop calls at its preview interval. Memory: disposes nothing of the pipeline. */
export function createPreviews(config: RunConfig, corpus: PreparedCorpus): PreviewCallback {
  const vocoder = createGriffinLimVocoder(config.mel, inverterOptions(config.generation));
  return async ({ pipeline, stage }) => {
    if (stage === 'vae') {
      const split = corpus.sliceCount('validation') > 0 ? 'validation' : 'train';
      const count = Math.min(PREVIEW_COUNT, corpus.sliceCount(split));
      const images = Array.from({ length: count }, (_, index) => ({ settings: corpus.mel, frameCount: corpus.mel.frames, data: corpus.slice(split, index).image }));
      const pairs = images.flatMap((image) => [image, reconstructImage(pipeline, image)]);
      return [{ name: 'round-trips', png: contactSheet(pairs, { columns: 4 }) }];
    }
    if (pipeline.unet === null) return []; // an upscaler alone, which has nothing to enlarge yet
    const labels = Array.from({ length: PREVIEW_COUNT }, (_, index) => (pipeline.labels.length === 0 ? null : index % pipeline.labels.length));
    const names = safeLabels(pipeline.labels);
    const prompts = pipeline.text === null ? undefined : previewPrompts(corpus);
    const previews: Preview[] = [];
    const request = { ...config.generation, labels, prompts, seeds: labels.map((_, index) => index), vocoder };
    for await (const { index, image, clip, label } of generateClips(pipeline, request)) {
      const word = prompts?.[index] ? safeLabel(prompts[index]) : 'clip';
      previews.push({ name: `${index}-${label === null ? word : names[label]}`, png: renderPng(image, { scale: 2 }), clip });
    }
    return previews;
  };
}

/** Captions of the corpus in turn, validation's where there are any, or no words at all. */
function previewPrompts(corpus: Pick<PreparedCorpus, 'captionsOf'>): string[] {
  const captions = [...new Set([...(corpus.captionsOf('validation') ?? []), ...(corpus.captionsOf('train') ?? [])])].filter((caption) => caption !== '');
  return Array.from({ length: PREVIEW_COUNT }, (_, index) => (captions.length === 0 ? '' : captions[index % captions.length]));
}
