// A tiny vocoder's configuration, and a corpus of formulas that has sounds behind its slices.
import { createRandom } from '../../src/base/random.js';
import type { RunConfig } from '../../src/config/run-config.js';
import type { SliceSource } from '../../src/training/corpus-source.js';
import type { SoundReader } from '../../src/training/sound-windows.js';
import { merged, tinyConfig, tinyCorpus } from './_tiny-run.js';

const VOCODER = {
  network: { dim: 8, intermediate_dim: 12, num_layers: 2 },
  windowFrames: 8,
  loss: { fftSizes: [64, 128] },
  training: { steps: 6, batchSize: 2, warmupSteps: 2, learningRate: 1e-3, validateEvery: 100, previewEvery: 100, checkpointEvery: 100, emaDecay: 0.9 },
};

/** @param over of the block vocoder */
export function tinyVocoderConfig(over: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): RunConfig {
  return tinyConfig(merged({ vocoder: merged(VOCODER, over) }, rest));
}

/** Decaying tones at one of two pitches, of varying level and length. */
export function tinySound({ mel }: RunConfig, split: 'train' | 'validation', index: number): Float32Array {
  const random = createRandom(12, split, index);
  const frames = 4 + random.integer(mel.frames - 3);
  const [level, hz] = [0.1 + 0.5 * random.uniform(), index % 2 === 0 ? 500 : 1700];
  return Float32Array.from({ length: frames * mel.hopSamples }, (_, sample) => level * Math.exp((-3 * sample) / mel.sampleRateHz / 0.1) * Math.sin((2 * Math.PI * hz * sample) / mel.sampleRateHz));
}

export function tinySoundCorpus(config: RunConfig, counts: Parameters<typeof tinyCorpus>[1] = {}): SliceSource {
  const corpus = tinyCorpus(config, counts);
  return {
    ...corpus,
    async *sounds(split) {
      for (let index = corpus.sliceCount(split) - 1; index >= 0; index -= 1) yield { index, samples: tinySound(config, split, index) };
    },
  };
}

/** The same sounds without a file, each through `of`. */
export function tinyReader(config: RunConfig, of: (sound: Float32Array) => Float32Array = (sound) => sound): SoundReader {
  return {
    lengthOf: (split, index) => tinySound(config, split, index).length,
    read(split, index, { start, count }) {
      const samples = new Float32Array(count);
      samples.set(of(tinySound(config, split, index)).subarray(start, start + count));
      return samples;
    },
  };
}
