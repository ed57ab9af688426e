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
const config = deriveVocos(vocosSchema.parse({ dim: 4, intermediate_dim: 6, num_layers: 2, from_inverter: true, cell_dim: 6, cell_layers: 2 }), { ...defaultMelSettings, melBins: 3, fftSize: 64, windowSamples: 64, hopSamples: 16 });
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

describe.each(['frames', 'cells'] as const)('a network that begins at a spectrum, mixing %s', (mixing) => {
  let vocos: Vocos;
  beforeEach(() => {
    vocos = createVocos({ ...config, mixing }, { seed: 5 });
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

  it('sees as far as it says, and no less: its kernels and one frame further back', () => {
    tf.tidy(() => {
      const mel = tf.randomUniform<tf.Rank.R3>([1, 40, 3], -0.9, 0.9, 'float32', 3);
      const start = tf.randomNormal<tf.Rank.R3>([1, 40, 2 * BINS], 0, 1, 'float32', 4);
      const cut = (x: tf.Tensor3D): tf.Tensor3D => tf.slice(x, [0, 5, 0], [1, 30, -1]);
      const reach = vocos.contextFrames;
      expect(reach).toBe(mixing === 'frames' ? 3 * (config.num_layers + 1) + 1 : 1 + 2 * config.cell_layers + 1);
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

describe('a network of cells', () => {
  it('has far fewer parameters than one of frames, and no frame of its own', () => {
    const [frames, cells] = (['frames', 'cells'] as const).map((mixing) => {
      const vocos = createVocos(deriveVocos(vocosSchema.parse({ from_inverter: true, mixing }), defaultMelSettings), { seed: 1 });
      const found = { count: vocos.parameters.count, names: vocos.parameters.list().map(({ path }) => path) };
      vocos.dispose();
      return found;
    });
    expect(cells.count).toBeLessThan(frames.count / 10);
    expect(cells.names.every((name) => name.startsWith('cells.'))).toBe(true);
    const ofImage = createVocos({ ...config, from_inverter: false, mel_prior: false, mixing: 'cells' }, { seed: 1 });
    expect(ofImage.parameters.has('backbone.embed.weight')).toBe(true); // nothing to begin at: frames alone
    ofImage.dispose();
  });

  it('leaves the highest bin as it is, and changes one and the same sound at another pitch alike but for where it lies', () => {
    const wide = createStft({ fftSize: 512, hopSamples: 128 });
    const vocos = createVocos({ ...config, n_fft: 512, hop_length: 128, win_length: 512, cell_layers: 1, mixing: 'cells' }, { seed: 5 });
    const { variable } = vocos.parameters.get('cells.embed.weight');
    variable.assign(tf.tidy(() => tf.concat([tf.slice(variable, [0, 0, 0, 0], [3, 3, 12, 6]), tf.zeros([3, 3, 2, 6])], 2))); // blind for where it looks
    const ofSound = (sound: Float32Array): { readonly start: tf.Tensor3D; readonly made: number[] } => {
      const spectrum = wide.forward(sound);
      const start = tf.tensor3d(spectrumRows(spectrum, { from: 0, to: spectrum.frameCount }), [1, spectrum.frameCount, 514]);
      return { start, made: vocos.spectrum(tf.fill([1, spectrum.frameCount, 3], 0.5), start).arraySync()[0][6] };
    };
    tf.tidy(() => {
      const [low, high] = [100, 108].map((bin) => {
        const { made } = ofSound(Float32Array.from({ length: 1700 }, (_, index) => Math.sin((2 * Math.PI * bin * index) / 512)));
        return [-1, 0, 1].map((beside) => Math.hypot(made[bin + beside], made[257 + bin + beside]));
      });
      expect(low[1]).toBeGreaterThan(100);
      expectClose(high, low, { relative: 1e-4 });
      const { start, made } = ofSound(createRandom(4).normals(1700));
      const given = start.arraySync()[0][6];
      expect([made[256], made[513]]).toEqual([given[256], given[513]]);
      expect(made[255]).not.toBe(given[255]);
    });
    vocos.dispose();
  });
});
