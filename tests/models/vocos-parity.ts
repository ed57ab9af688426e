// The vocoder's network against PyTorch: names, shapes, sound and gradients, the same on every engine.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { deriveVocos, vocosSchema, type VocosConfig } from '../../src/config/vocoder.js';
import { defaultMelSettings } from '../../src/config/mel.js';
import { createVocos, type MagnitudePrior, type Vocos } from '../../src/models/index.js';
import type { HostTensor } from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';
import { rampTensor } from './ramp.js';
import { expectSameGradients, expectSameOutput, fillWithRamps, readVocosReference, shapesOf, type VocosCase } from './reference.js';

let open: Vocos[] = [];

function track(vocos: Vocos): Vocos {
  open.push(vocos);
  return vocos;
}

/** What the case was made with; layer scales of null are filled in as for a real configuration. */
function configOf({ config }: VocosCase): VocosConfig {
  const parsed = vocosSchema.parse(config);
  const { layer_scale_init_value } = deriveVocos(parsed, defaultMelSettings);
  return { ...(parsed as VocosConfig), layer_scale_init_value };
}

function create(expected: VocosCase): Vocos {
  const config = configOf(expected);
  const bins = config.n_fft / 2 + 1;
  const prior: MagnitudePrior = { weights: rampTensor('prior/weights', [config.input_channels, bins]).data, bias: rampTensor('prior/bias', [bins]).data };
  const vocos = track(createVocos(config, { seed: null, prior: config.mel_prior ? prior : undefined }));
  fillWithRamps(vocos.parameters);
  return vocos;
}

/** Shape: [B, M, N] as the fixture has it -> [B, N, M]. */
function melOf({ inputShape, silentFrames }: VocosCase): tf.Tensor3D {
  const [, melBins, frames] = inputShape;
  const { data } = rampTensor('mel', inputShape);
  const [from, to] = silentFrames ?? [0, 0];
  const values = data.map((value, index) => (index % frames >= from && index % frames < to ? -1 : 0.99 * value));
  return tf.transpose(tf.tensor3d(values, [inputShape[0], melBins, frames]), [0, 2, 1]);
}

const host = (x: tf.Tensor): HostTensor => ({ shape: x.shape, data: Float32Array.from(x.dataSync<'float32'>()) });

/** The tests, for the engine that the file of the caller starts. */
export function describeVocosParity(): void {
  afterEach(() => {
    for (const vocos of open) vocos.dispose();
    open = [];
  });

  describe.each(readVocosReference())('Vocos: $name', (expected) => {
    it('has the names and shapes of the reference', () => {
      expect(shapesOf(create(expected).parameters)).toEqual(expected.parameters);
    });

    it('makes the same sound', () => {
      const vocos = create(expected);
      tf.tidy(() => expectSameOutput(host(vocos.forward(melOf(expected))), expected.output));
    });

    it('has the same gradients', () => {
      const vocos = create(expected);
      const loss = (): tf.Scalar => tf.mean(tf.mul(vocos.forward(melOf(expected)), tf.tensor2d(rampTensor('loss', expected.output.shape).data, expected.output.shape as [number, number])));
      expectSameGradients(vocos.parameters, loss, expected);
    });

    it('gives every item of a batch what it gets alone', () => {
      const vocos = create(expected);
      tf.tidy(() => {
        const mel = melOf(expected);
        const alone = Array.from({ length: mel.shape[0] }, (_, item) => vocos.forward(tf.slice(mel, [item, 0, 0], [1, -1, -1])));
        expectSameOutput(host(tf.concat(alone, 0)), expected.output);
      });
    });
  });

  describe('Vocos', () => {
    const small: VocosConfig = deriveVocos(vocosSchema.parse({ dim: 4, intermediate_dim: 6, num_layers: 2, mel_prior: false }), { ...defaultMelSettings, melBins: 3, fftSize: 64, windowSamples: 64, hopSamples: 16 });

    it('starts with the values of the reference: small weights, no bias, layers scaled down, a Hann window', () => {
      const { parameters } = track(createVocos(small, { seed: 5 }));
      const values = (path: string): Float32Array => Float32Array.from(parameters.get(path).variable.dataSync<'float32'>());
      expectClose(values('backbone.convnext.1.gamma'), new Float32Array(4).fill(0.5));
      expect(values('backbone.convnext.0.pwconv1.bias').every((value) => value === 0)).toBe(true);
      expect(Math.max(...values('backbone.embed.weight').map(Math.abs))).toBeLessThan(0.1);
      expectClose(values('head.istft.window')[32], 1, { absolute: 1e-6 });
      expect(parameters.get('head.istft.window').variable.trainable).toBe(false);
    });

    it('keeps silence silent, and leaves no tensor behind', () => {
      const vocos = track(createVocos(small, { seed: 5 }));
      const before = tf.memory().numTensors;
      const [silent, loud] = tf.tidy(() => [-1, -0.9].map((value) => Math.max(...vocos.forward(tf.fill([1, 8, 3], value)).dataSync<'float32'>().map(Math.abs))));
      expect(silent).toBe(0);
      expect(loud).toBeGreaterThan(0);
      expect(tf.memory().numTensors).toBe(before);
    });

    it('does not see further than its kernels reach', () => {
      const vocos = track(createVocos(small, { seed: 5 }));
      tf.tidy(() => {
        const mel = tf.randomUniform<tf.Rank.R3>([1, 40, 3], -0.9, 0.9, 'float32', 3);
        const cut = tf.slice(mel, [0, 5, 0], [1, 30, 3]);
        const reach = 3 * (small.num_layers + 1);
        const whole = tf.slice(vocos.spectrum(mel), [0, 5 + reach, 0], [1, 30 - 2 * reach, -1]);
        expectClose(host(tf.slice(vocos.spectrum(cut), [0, reach, 0], [1, 30 - 2 * reach, -1])), host(whole), { absolute: 1e-5 });
      });
    });
  });
}
