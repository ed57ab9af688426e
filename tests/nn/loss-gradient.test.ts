// Losses with their gradients, called step after step: issued from notes, whole networks learn to the last bit as they do without.
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { unet2dSchema } from '../../src/config/unet-2d.js';
import { allowNativeKernels, hasNativeKernel, supportsBfloat16, withConvPrecision } from '../../src/engine/ops/index.js';
import type { NamedTensors } from '../../src/engine/repeated.js';
import { createAutoencoderKL, createUnet2d } from '../../src/models/index.js';
import { createAdamW, disposeGradients, lossGradient, valueAndGradients, type LossParts, type ParameterTree } from '../../src/nn/index.js';
import { rampTensor } from '../models/ramp.js';
import { startTestEngine } from '../support/engine.js';

const { name: engine } = await startTestEngine();

interface Subject {
  readonly parameters: ParameterTree;
  /** Of one step: other values each time. */
  inputs(step: number): NamedTensors;
  loss(inputs: NamedTensors): LossParts;
}

const wave = (name: string, ...shape: number[]): tf.Tensor => tf.tensor(rampTensor(name, shape).data, shape);
const meanSquare = (x: tf.Tensor): tf.Scalar => tf.mean(tf.square(x)) as tf.Scalar;

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  AutoencoderKL: () => {
    const vae = createAutoencoderKL(autoencoderKlSchema.parse({ block_out_channels: [16, 32], norm_num_groups: 4, latent_channels: 3, down_block_types: ['DownEncoderBlock2D', 'AttnDownEncoderBlock2D'], up_block_types: ['AttnUpDecoderBlock2D', 'UpDecoderBlock2D'] }), { seed: 1 });
    return {
      parameters: vae.parameters,
      inputs: (step) => ({ image: wave(`image ${step}`, 2, 8, 16, 1) }),
      loss: ({ image }) => {
        const { mean, logVariance } = vae.encode(image as tf.Tensor4D);
        const kl = meanSquare(logVariance);
        return { value: tf.add(meanSquare(tf.sub(vae.decode(mean), image)), kl), others: { kl } };
      },
    };
  },
  UNet2DModel: () => {
    const unet = createUnet2d(unet2dSchema.parse({ in_channels: 3, out_channels: 3, block_out_channels: [16, 32], norm_num_groups: 8, attention_head_dim: 8, num_class_embeds: 4, down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'] }), { seed: 1 });
    return {
      parameters: unet.parameters,
      inputs: (step) => ({ sample: wave(`sample ${step}`, 2, 8, 16, 3), timestep: tf.tensor1d([3 + step, 700 - step]), classLabels: tf.tensor1d([step % 4, 3], 'int32') }),
      loss: ({ sample, timestep, classLabels }) => ({ value: meanSquare(tf.sub(unet.forward({ sample: sample as tf.Tensor4D, timestep: timestep as tf.Tensor1D, classLabels: classLabels as tf.Tensor1D }), 1)) }),
    };
  },
};

const STEPS = 5;

/** Losses of some steps of AdamW, others of each, and at the end all weights. */
function learn(create: () => Subject, isNoted: boolean): { figures: number[][]; weights: Float32Array[]; obstacle: string | null } {
  const { parameters, inputs, loss } = create();
  const optimiser = createAdamW(parameters);
  const noted = lossGradient(parameters, loss);
  const plain = (given: NamedTensors) => ({ ...valueAndGradients(parameters, () => loss(given).value), others: {} as NamedTensors });
  const figures: number[][] = [];
  for (let step = 0; step < STEPS; step += 1) {
    const given = inputs(step);
    const { value, others, gradients } = isNoted ? noted(given) : plain(given);
    figures.push([value.dataSync()[0]]);
    for (const other of Object.values(others)) expect(other.dataSync()[0]).toBeCloseTo(tf.tidy(() => loss(given).others!.kl.dataSync()[0]), 5);
    optimiser.step(gradients, 1e-3);
    disposeGradients(gradients);
    tf.dispose([value, ...Object.values(others), ...Object.values(given)]);
  }
  const weights = parameters.list().map(({ variable }) => variable.dataSync<'float32'>().slice());
  optimiser.dispose();
  parameters.dispose();
  return { figures, weights, obstacle: noted.obstacle };
}

const isOnTensorflow = engine === 'tensorflow';

describe.each(Object.keys(SUBJECTS))('the gradient of %s', (name) => {
  const expectSame = (): void => {
    const [noted, plain] = [true, false].map((isNoted) => learn(SUBJECTS[name], isNoted));
    expect(noted.figures).toEqual(plain.figures);
    expect(noted.figures[0]).not.toEqual(noted.figures[STEPS - 1]);
    noted.weights.forEach((values, index) => expect(values).toEqual(plain.weights[index]));
    expect(noted.obstacle === null).toBe(isOnTensorflow);
  };

  it('learns the same in float32', () => withConvPrecision('float32', expectSame));
  it('learns the same in bfloat16', ({ skip }) => {
    skip(!supportsBfloat16(), 'no bfloat16 here');
    withConvPrecision('bfloat16', expectSame);
  });
  it('learns the same with composed operations', ({ skip }) => {
    skip(!hasNativeKernel('GroupNorm'), 'nothing else here');
    allowNativeKernels(false);
    try {
      expectSame();
    } finally {
      allowNativeKernels(true);
    }
  });
  it('leaves no tensor', () => {
    const before = tf.memory().numTensors;
    learn(SUBJECTS[name], true);
    expect(tf.memory().numTensors).toBe(before);
  });
});
