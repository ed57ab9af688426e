// The vocoder's network where it begins at a given spectrum: what it sees of that, and what it makes of it.
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultMelSettings } from '../../src/config/mel.js';
import { deriveVocos, vocosSchema } from '../../src/config/vocoder.js';
import { createRandom } from '../../src/base/random.js';
import { spectrumRows } from '../../src/dsp/spectrum-rows.js';
import { createStft } from '../../src/dsp/stft.js';
import { createVocos, type Vocos } from '../../src/models/index.js';
import { changed, startFeatures } from '../../src/models/_start-spectrum.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const SIZES = { n_fft: 64, hop_length: 16 };
const BINS = 33;
const config = deriveVocos(vocosSchema.parse({ dim: 4, intermediate_dim: 6, num_layers: 2, from_inverter: true }), { ...defaultMelSettings, melBins: 3, fftSize: 64, windowSamples: 64, hopSamples: 16 });
const stft = createStft({ fftSize: 64, hopSamples: 16 });

/** Shape: [1, N, 2·F]. */
function spectrumOf(sound: Float32Array): tf.Tensor3D {
  const spectrum = stft.forward(sound);
  return tf.tensor3d(spectrumRows(spectrum, { from: 0, to: spectrum.frameCount }), [1, spectrum.frameCount, 2 * BINS]);
}

const sine = (bin: number, level = 1): Float32Array => Float32Array.from({ length: 400 }, (_, index) => level * Math.sin((2 * Math.PI * bin * index) / 64));

describe('what the network sees of a spectrum', () => {
  it('is the level, 1 at full scale, and how far the phase goes beyond the middle of its bin', () => {
    for (const [offset, level] of [[0, 1], [0.3, 1], [-0.25, 0.1]]) {
      tf.tidy(() => {
        const features = startFeatures(spectrumOf(sine(10 + offset, level)), SIZES).arraySync()[0];
        const [read, cosine, sine_] = [0, 1, 2].map((part) => features[10][part * BINS + 10]);
        if (offset === 0) expectClose(read, 1 + (20 * Math.log10(level)) / 50, { absolute: 1e-3 });
        const angle = (2 * Math.PI * offset * SIZES.hop_length) / SIZES.n_fft;
        expectClose([cosine, sine_], [Math.cos(angle), Math.sin(angle)], { absolute: 1e-3, reason: 'the mirror image of the tone is 20 bins away' });
        expect(features[0].slice(BINS).every((value) => value === 0)).toBe(true);
      });
    }
  });

  it('is the lowest level, without an angle, of silence', () => {
    tf.tidy(() => {
      const features = startFeatures(tf.zeros([1, 3, 2 * BINS]), SIZES).arraySync()[0][2];
      expectClose(features, [...new Float32Array(BINS).fill(-1), ...new Float32Array(2 * BINS)], { absolute: 1e-5 });
    });
  });
});

describe('the change of a spectrum', () => {
  it('is a complex factor for every cell', () => {
    tf.tidy(() => {
      const [re, im, logGain, turn] = [[1, -2, 0], [0.5, 3, 0], [0.2, -1, 9], [0.7, -2, 1]];
      const got = changed(tf.tensor3d([...re, ...im], [1, 1, 6]), { logGain: tf.tensor3d(logGain, [1, 1, 3]), turn: tf.tensor3d(turn, [1, 1, 3]) }).dataSync();
      const parts = re.map((_, cell) => {
        const gain = Math.exp(Math.min(logGain[cell], 4));
        return [gain * (re[cell] * Math.cos(turn[cell]) - im[cell] * Math.sin(turn[cell])), gain * (re[cell] * Math.sin(turn[cell]) + im[cell] * Math.cos(turn[cell]))];
      });
      expectClose(got, [...parts.map(([real]) => real), ...parts.map(([, imaginary]) => imaginary)], { absolute: 1e-5 });
    });
  });
});

describe('a network that begins at a spectrum', () => {
  let vocos: Vocos;
  beforeEach(() => {
    vocos = createVocos(config, { seed: 5 });
  });
  afterEach(() => vocos.dispose());

  it('gives the sound of that spectrum before it has learnt anything, nothing where the image is silent, and leaves no tensor', () => {
    const sound = createRandom(4).normals(400).map((value) => 0.2 * value);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const start = spectrumOf(sound);
      const image = tf.fill<tf.Rank.R3>([1, 26, 3], 0.5);
      const made = vocos.forward(image, start).dataSync<'float32'>();
      const off = made.reduce((sum, value, index) => sum + (value - sound[index]) ** 2, 0) / sound.reduce((sum, value) => sum + value * value, 0);
      expect(10 * Math.log10(off)).toBeLessThan(-30);
      expect(vocos.spectrum(tf.fill([1, 26, 3], -1), start).abs().max().dataSync()[0]).toBe(0);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives every parameter a gradient', () => {
    const gradients = tf.tidy(() => {
      const [start, image] = [spectrumOf(createRandom(4).normals(400)), tf.randomUniform<tf.Rank.R3>([1, 26, 3], -0.9, 0.9, 'float32', 3)];
      const { grads } = tf.variableGrads(() => tf.sum(tf.square(tf.slice(vocos.forward(image, start), [0, 0], [1, 150]))), vocos.parameters.trainable().map(({ variable }) => variable));
      return Object.values(grads).map((gradient) => gradient.norm().dataSync()[0]);
    });
    expect(gradients).toHaveLength(vocos.parameters.trainable().length);
    expect(Math.min(...gradients)).toBeGreaterThan(0);
  });

  it('sees as far as its kernels reach, and one frame further back', () => {
    tf.tidy(() => {
      const mel = tf.randomUniform<tf.Rank.R3>([1, 40, 3], -0.9, 0.9, 'float32', 3);
      const start = tf.randomNormal<tf.Rank.R3>([1, 40, 2 * BINS], 0, 1, 'float32', 4);
      const cut = (x: tf.Tensor3D): tf.Tensor3D => tf.slice(x, [0, 5, 0], [1, 30, -1]);
      const reach = 3 * (config.num_layers + 1) + 1;
      const inner = (x: tf.Tensor3D, from: number): Float32Array => tf.slice(x, [0, from, 0], [1, 30 - 2 * reach, -1]).dataSync<'float32'>();
      expectClose(inner(vocos.spectrum(cut(mel), cut(start)), reach), inner(vocos.spectrum(mel, start), 5 + reach), { absolute: 1e-5 });
    });
  });

  it('refuses to work without one, or with one of another length', () => {
    tf.tidy(() => {
      expect(() => vocos.forward(tf.zeros([1, 26, 3]))).toThrow(/vocos: start/);
      expect(() => vocos.forward(tf.zeros([1, 26, 3]), tf.zeros([1, 25, 2 * BINS]))).toThrow(/vocos: start/);
    });
  });
});
