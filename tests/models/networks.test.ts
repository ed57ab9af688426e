// What every network must do, whatever it computes: the same suite for each of them.
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { unet2dConditionSchema } from '../../src/config/unet-2d-condition.js';
import { unet2dSchema } from '../../src/config/unet-2d.js';
import { createAutoencoderKL, createPatchDiscriminator, createUnet2d, createUnet2dCondition, samplePosterior } from '../../src/models/index.js';
import { disposeGradients, toReference, valueAndGradients, type ParameterTree } from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { rampTensor } from './ramp.js';

useEngine();

const vaeConfig = autoencoderKlSchema.parse({ block_out_channels: [8, 16, 16], norm_num_groups: 4, latent_channels: 3 });
const unetConfig = unet2dSchema.parse({
  in_channels: 3, out_channels: 3, block_out_channels: [16, 16, 32], norm_num_groups: 8, attention_head_dim: 8, num_class_embeds: 4,
});
const conditionConfig = unet2dConditionSchema.parse({
  in_channels: 3, out_channels: 3, block_out_channels: [16, 16, 32], norm_num_groups: 8, attention_head_dim: 2, cross_attention_dim: 6, num_class_embeds: 4,
});

interface Network {
  readonly parameters: ParameterTree;
  /** Any output that depends on every parameter. Shape of the input: [B, ...]. */
  run(input: tf.Tensor4D): tf.Tensor4D;
  dispose(): void;
}

interface NetworkKind {
  readonly name: string;
  readonly itemShape: readonly [number, number, number];
  create(seed: number): Network;
}

/** A class, a timestep or noise of an item is a function of the item itself, so that items keep theirs when a batch is cut. */
function perItem(input: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => tf.abs(tf.mean(input, [1, 2, 3])));
}

const kinds: readonly NetworkKind[] = [
  {
    name: 'AutoencoderKL',
    itemShape: [8, 12, 1],
    create(seed) {
      const vae = createAutoencoderKL(vaeConfig, { seed });
      const run = (image: tf.Tensor4D): tf.Tensor4D => {
        const posterior = vae.encode(image);
        return vae.decode(samplePosterior(posterior, tf.onesLike(posterior.mean)));
      };
      return { parameters: vae.parameters, run, dispose: () => vae.dispose() };
    },
  },
  {
    name: 'UNet2DModel',
    itemShape: [8, 4, 3],
    create(seed) {
      const unet = createUnet2d(unetConfig, { seed });
      const run = (sample: tf.Tensor4D): tf.Tensor4D => {
        const timestep: tf.Tensor1D = tf.mul(perItem(sample), 1000);
        return unet.forward({ sample, timestep, classLabels: tf.cast(tf.mod(tf.floor(timestep), 4), 'int32') });
      };
      return { parameters: unet.parameters, run, dispose: () => unet.dispose() };
    },
  },
  {
    name: 'UNet2DConditionModel',
    itemShape: [8, 4, 3],
    create(seed) {
      const unet = createUnet2dCondition(conditionConfig, { seed });
      const run = (sample: tf.Tensor4D): tf.Tensor4D => {
        const timestep: tf.Tensor1D = tf.mul(perItem(sample), 1000);
        const encoderHiddenStates: tf.Tensor3D = tf.reshape(tf.slice(sample, [0, 0, 0, 0], [-1, 4, 2, 3]), [-1, 4, 6]);
        return unet.forward({ sample, timestep, encoderHiddenStates, classLabels: tf.cast(tf.mod(tf.floor(timestep), 4), 'int32') });
      };
      return { parameters: unet.parameters, run, dispose: () => unet.dispose() };
    },
  },
  {
    name: 'patch discriminator',
    itemShape: [32, 32, 1],
    create(seed) {
      const critic = createPatchDiscriminator({ inChannels: 1, channels: 8, layers: 2 }, { seed });
      return { parameters: critic.parameters, run: (image) => critic.forward(image), dispose: () => critic.dispose() };
    },
  },
];

describe.each(kinds)('$name', ({ itemShape, create }) => {
  let network: Network;
  beforeAll(() => {
    network = create(7);
  });
  afterAll(() => network.dispose());

  const input = (batch: number): tf.Tensor4D => {
    const shape = [batch, ...itemShape] as [number, number, number, number];
    return tf.tensor4d(rampTensor('input', shape).data, shape);
  };
  const loss = (): tf.Scalar => {
    const output = network.run(input(2));
    return tf.mean(tf.mul(output, tf.tensor(rampTensor('loss', output.shape).data, output.shape)));
  };

  it('gives every parameter a gradient that is not zero', () => {
    const { value, gradients } = valueAndGradients(network.parameters, loss);
    const host = toReference(network.parameters, gradients);
    const without = network.parameters.trainable().filter(({ path }) => !gradients.has(path) || host.get(path)!.data.every((item) => item === 0));
    expect(without.map(({ path }) => path)).toEqual([]);
    value.dispose();
    disposeGradients(gradients);
  });

  it('has gradients that agree with central differences along random directions', () => {
    const { value, gradients } = valueAndGradients(network.parameters, loss);
    for (const path of [network.parameters.list()[0], ...network.parameters.list().slice(-2)].map((parameter) => parameter.path)) {
      const { variable } = network.parameters.get(path);
      const own = variable.clone();
      const direction = tf.tensor(rampTensor(path, variable.shape).data, variable.shape);
      const step = 1e-3;
      const at = (amount: number): number => {
        const moved = tf.tidy(() => tf.add(own, tf.mul(direction, amount)));
        variable.assign(moved);
        moved.dispose();
        const result = tf.tidy(loss);
        const number = result.dataSync()[0];
        result.dispose();
        return number;
      };
      const numeric = (at(step) - at(-step)) / (2 * step);
      variable.assign(own);
      const analytic = tf.tidy(() => tf.sum(tf.mul(gradients.get(path)!, direction)).dataSync()[0]);
      expectClose(analytic, numeric, { absolute: 2e-4, relative: 2e-2, reason: 'differences of float32 losses, of a curved function' });
      tf.dispose([own, direction]);
    }
    value.dispose();
    disposeGradients(gradients);
  });

  it('answers a batch of two as two batches of one', () => {
    tf.tidy(() => {
      const both = input(2);
      const apart = tf.concat([0, 1].map((item) => network.run(tf.slice(both, item, 1))), 0);
      const together = network.run(both);
      expectClose({ shape: together.shape, data: together.dataSync() }, { shape: apart.shape, data: apart.dataSync() }, { absolute: 2e-5, relative: 1e-4 });
    });
  });

  it('makes the items of a batch differ', () => {
    tf.tidy(() => {
      const [first, second] = tf.split(network.run(input(2)), 2, 0);
      expect(Math.max(...tf.abs(tf.sub(first, second)).dataSync())).toBeGreaterThan(1e-3);
    });
  });

  it('leaves no tensor behind, forward or backward', () => {
    const counts = [0, 1].map(() => {
      tf.tidy(() => void network.run(input(1)));
      const { value, gradients } = valueAndGradients(network.parameters, loss);
      value.dispose();
      disposeGradients(gradients);
      return tf.memory().numTensors;
    });
    expect(counts[1]).toBe(counts[0]);
  });

  it('starts from its seed, frees everything, and answers in a sane range', () => {
    const before = tf.memory().numTensors;
    const [same, other] = [create(7), create(8)];
    expect(toReference(same.parameters)).toEqual(toReference(network.parameters));
    const changed = toReference(other.parameters);
    const conv = [...changed.keys()].find((path) => path.endsWith('weight') && changed.get(path)!.shape.length === 4)!;
    expect(changed.get(conv)).not.toEqual(toReference(same.parameters).get(conv));
    const values = tf.tidy(() => same.run(input(2))).abs();
    expect(values.dataSync().every((item) => Number.isFinite(item) && item < 100)).toBe(true);
    values.dispose();
    same.dispose();
    other.dispose();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 1);
  });
});

describe('refusals', () => {
  it('names what is wrong with the input of the UNet', () => {
    const unet = createUnet2d(unetConfig, { seed: null });
    tf.tidy(() => {
      const timestep = tf.tensor1d([1]);
      const classLabels = tf.tensor1d([0], 'int32');
      expect(() => unet.forward({ sample: tf.zeros([1, 8, 4, 2]), timestep, classLabels })).toThrow(/unet: sample: got shape \[1, 8, 4, 2\]/);
      expect(() => unet.forward({ sample: tf.zeros([1, 8, 6, 3]), timestep, classLabels })).toThrow(/8 × 6, expected rows and columns divisible by 4/);
      expect(() => unet.forward({ sample: tf.zeros([1, 8, 4, 3]), timestep })).toThrow(/unet: classLabels/);
      expect(() => unet.forward({ sample: tf.zeros([3, 8, 4, 3]), timestep: tf.tensor1d([1, 2]), classLabels })).toThrow(/unet: timestep/);
    });
    unet.dispose();
  });

  it('refuses labels for a network without classes, and channels that were never derived', () => {
    const unet = createUnet2d({ ...unetConfig, num_class_embeds: null }, { seed: null });
    const inputs = { sample: tf.zeros([1, 8, 4, 3]) as tf.Tensor4D, timestep: tf.tensor1d([1]), classLabels: tf.tensor1d([0], 'int32') };
    expect(() => unet.forward(inputs)).toThrow(/num_class_embeds are null/);
    tf.dispose(Object.values(inputs));
    unet.dispose();
    expect(() => createUnet2d({ ...unetConfig, in_channels: null }, { seed: 0 })).toThrow(/unet.network.in_channels: got null/);
  });

  it('names the wrong channels of the autoencoder and of the critic', () => {
    const vae = createAutoencoderKL(vaeConfig, { seed: null });
    const critic = createPatchDiscriminator({ inChannels: 1, channels: 8, layers: 1 }, { seed: null });
    tf.tidy(() => {
      expect(() => vae.encode(tf.zeros([1, 8, 8, 2]))).toThrow(/autoencoder: image/);
      expect(() => vae.decode(tf.zeros([1, 2, 2, 1]))).toThrow(/autoencoder: latent/);
      expect(() => critic.forward(tf.zeros([1, 16, 16, 3]))).toThrow(/discriminator: image/);
    });
    vae.dispose();
    critic.dispose();
    expect(() => createPatchDiscriminator({ inChannels: 1, channels: 12, layers: 1 }, { seed: 0 })).toThrow(/multiple of 8/);
  });
});

describe('one timestep for all', () => {
  it('equals the same timestep for each', () => {
    const unet = createUnet2d(unetConfig, { seed: 1 });
    tf.tidy(() => {
      const sample = tf.randomNormal([2, 4, 4, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
      const classLabels = tf.tensor1d([0, 3], 'int32');
      const one = unet.forward({ sample, timestep: tf.tensor1d([17.5]), classLabels }).dataSync();
      expectClose(one, unet.forward({ sample, timestep: tf.tensor1d([17.5, 17.5]), classLabels }).dataSync(), {});
    });
    unet.dispose();
  });
});
