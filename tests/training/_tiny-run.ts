// A corpus made of formulas and a configuration of tiny networks, for tests of training.
import { augmentSlice } from '../../src/corpus/augment.js';
import { createRandom } from '../../src/base/random.js';
import { checkRunConfig, type RunConfig } from '../../src/config/run-config.js';
import type { SliceBatch, SliceSource, Split } from '../../src/training/corpus-source.js';

const LABELS = ['low', 'high'];

/** Deep-merges plain objects. */
export function merged(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const own = result[key];
    const isBlock = typeof value === 'object' && value !== null && !Array.isArray(value) && typeof own === 'object' && own !== null;
    result[key] = isBlock ? merged(own as Record<string, unknown>, value as Record<string, unknown>) : value;
  }
  return result;
}

const TRAINING = { steps: 6, batchSize: 2, warmupSteps: 2, learningRate: 1e-3, validateEvery: 100, previewEvery: 100, checkpointEvery: 100, emaDecay: 0.9 };

/** A configuration with networks of a few thousand parameters. */
export function tinyConfig(over: Record<string, unknown> = {}): RunConfig {
  const base = {
    name: 'tiny',
    seed: 3,
    corpus: { path: 'nowhere' },
    mel: { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 8, frames: 16, minHz: 20, maxHz: 4000 },
    vae: {
      network: { down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'], up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'], block_out_channels: [4, 8], latent_channels: 2, norm_num_groups: 2, mid_block_add_attention: false },
      training: TRAINING,
    },
    unet: {
      network: { down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'], block_out_channels: [4, 8], layers_per_block: 1, norm_num_groups: 2, attention_head_dim: 4 },
      training: TRAINING,
    },
    generation: { steps: 4 },
  };
  return checkRunConfig(merged(base, over), 'tiny');
}

/** Keys that make a progressive run of tinyConfig: images of 4 by 8 first, then whole ones by a second network of the same size. */
export function tinyUpscaler(): Record<string, unknown> {
  const { network, training } = tinyConfig().unet;
  const { down_block_types, up_block_types, block_out_channels, layers_per_block, norm_num_groups, attention_head_dim } = network;
  return { representation: 'pixel', upscaler: { factor: 2, network: { down_block_types, up_block_types, block_out_channels, layers_per_block, norm_num_groups, attention_head_dim }, training } };
}

/** Slices with a tone at one of two heights, of varying level and length. */
export function tinyCorpus(config: RunConfig, { trainCount = 10, validationCount = 4 } = {}): SliceSource {
  const { melBins, frames, floorDb, ceilingDb } = config.mel;
  const count = (split: Split): number => (split === 'train' ? trainCount : validationCount);
  const slice = (split: Split, index: number) => {
    const random = createRandom(11, split, index);
    const label = index % LABELS.length;
    const filled = 1 + random.integer(frames);
    const level = -0.5 + random.uniform();
    const image = new Float32Array(melBins * frames).fill(-1);
    for (let frame = 0; frame < filled; frame += 1) {
      for (let bin = 0; bin < melBins; bin += 1) {
        const distance = Math.abs(bin - (label === 0 ? 2 : 5));
        image[bin * frames + frame] = Math.max(-1, level - 0.4 * distance - 0.05 * frame + 0.05 * random.normal());
      }
    }
    return { image, label, fill: filled / frames };
  };
  return {
    mel: config.mel,
    labels: LABELS,
    sliceCount: count,
    slice,
    batch({ split, step, batchSize, seed, augment }): SliceBatch {
      const size = melBins * frames;
      const batch = { images: new Float32Array(batchSize * size), labels: new Int32Array(batchSize), fills: new Float32Array(batchSize), indices: new Int32Array(batchSize) };
      for (let item = 0; item < batchSize; item += 1) {
        const random = createRandom(seed, split, step, item);
        const index = random.integer(count(split));
        const { image, label, fill } = slice(split, index);
        const shape = { melBins, frames, rangeDb: ceilingDb - floorDb };
        const filled = augment ? augmentSlice(image, Math.round(fill * frames), { augment, shape, random }) : Math.round(fill * frames);
        batch.images.set(image, item * size);
        batch.labels[item] = label;
        batch.fills[item] = filled / frames;
        batch.indices[item] = index;
      }
      return batch;
    },
  };
}

/** A reporter that keeps what it is told. */
export function recordingReporter() {
  const infos: string[] = [];
  const warnings: string[] = [];
  return {
    infos,
    warnings,
    reporter: {
      log: { info: (message: string) => void infos.push(message), warn: (message: string) => void warnings.push(message) },
      startProgress: () => ({ update: () => undefined, end: () => undefined }),
    },
  };
}

/** More steps than 20 short lives can make, each of them saved. */
export const KILL_TEST_CONFIG = { vae: { training: { steps: 100_000, checkpointEvery: 1, validateEvery: 1_000_000, previewEvery: 1_000_000 } } };
