// The discriminator's side of the VAE's training: hinge losses, the adaptive weight, its own optimiser and its state. Knows no loop.
import * as tf from '@tensorflow/tfjs';
import type { DiscriminatorConfig, TrainingConfig } from '../config/training.js';
import { createPatchDiscriminator } from '../models/index.js';
import { createAdamW, disposeGradients, lossGradient, type HostTensor, type ParameterTree } from '../nn/index.js';
import { captureParameters, flat, restoreParameters, unflat } from './trainer-state.js';

export interface Adversary {
  readonly parameters: ParameterTree;
  /** What the autoencoder minimises: lower when its images are scored as real. Memory: for use inside a gradient. */
  generatorLoss(image: tf.Tensor4D): tf.Scalar;
  /** Adds the gradients of one pass, of real and reconstructed images, to what the next update applies; returns the loss. */
  learn(real: tf.Tensor4D, reconstructed: tf.Tensor4D): number;
  /** Applies the mean of what was learnt since the last update. */
  update(learningRateShare: number): void;
  state(): Map<string, HostTensor>;
  restore(state: ReadonlyMap<string, HostTensor>): void;
  dispose(): void;
}

const BETAS = { beta1: 0.5, beta2: 0.9 } as const; // the usual ones of adversarial training: a short memory, since the target moves
const LARGEST_ADAPTIVE_WEIGHT = 1e4;

/** Creates the discriminator with its optimiser. Memory: dispose frees it. */
export function createAdversary({ config, training, seed, imageChannels = 1 }: { config: DiscriminatorConfig; training: TrainingConfig; seed: number; imageChannels?: number }): Adversary {
  const network = createPatchDiscriminator({ inChannels: imageChannels, channels: config.channels, layers: config.layers }, { seed });
  const optimiser = createAdamW(network.parameters, { ...BETAS, weightDecay: training.weightDecay });
  const pending: ReadonlyMap<string, tf.Tensor>[] = [];
  const gradientOf = lossGradient(network.parameters, ({ real, reconstructed }) => ({ value: hingeLoss(network.forward(real as tf.Tensor4D), network.forward(reconstructed as tf.Tensor4D)) }));
  return {
    parameters: network.parameters,
    generatorLoss: (image) => tf.neg(tf.mean(network.forward(image))),
    learn(real, reconstructed) {
      const { value, gradients } = gradientOf({ real, reconstructed });
      pending.push(gradients);
      const loss = value.dataSync()[0];
      value.dispose();
      return loss;
    },
    update(learningRateShare) {
      if (pending.length === 0) return;
      const [first] = pending;
      const sums = new Map([...first.keys()].map((path) => [path, pending.length === 1 ? first.get(path)! : tf.addN(pending.map((gradients) => gradients.get(path)!))]));
      optimiser.step(sums, config.learningRate * learningRateShare, 1 / pending.length);
      if (pending.length > 1) disposeGradients(sums);
      for (const gradients of pending.splice(0)) disposeGradients(gradients);
    },
    state: () => new Map([...captureParameters(network.parameters)].map(([path, value]): [string, HostTensor] => [`weights/${path}`, value]).concat([...flat(optimiser.state(), 'optimiser/')])),
    restore(state) {
      const weights = new Map([...state].filter(([name]) => name.startsWith('weights/')).map(([name, value]) => [name.slice('weights/'.length), value]));
      restoreParameters(network.parameters, weights, 'discriminator');
      optimiser.restore(unflat(state, 'optimiser/'));
    },
    dispose() {
      for (const gradients of pending.splice(0)) disposeGradients(gradients);
      optimiser.dispose();
      network.dispose();
    },
  };
}

/** Source: Lim and Ye, "Geometric GAN" (2017), hinge loss of the discriminator, halved. */
export function hingeLoss(realScores: tf.Tensor, fakeScores: tf.Tensor): tf.Scalar {
  const real = tf.mean(tf.relu(tf.sub(1, realScores)));
  const fake = tf.mean(tf.relu(tf.add(1, fakeScores)));
  return tf.mul(tf.add(real, fake), 0.5);
}

/**
 * How much the discriminator's term must weigh for its gradient at the decoder's last layer to be as large as the
 * reconstruction's. Called while the gradient of both is being recorded, so that nothing is computed anew but the way back
 * from the two losses to that layer; the weight itself is a constant in that gradient.
 *
 * Source: Esser et al., "Taming transformers for high-resolution image synthesis" (2021), equation 7. There the reconstruction
 * has no KL term; here it may: the last layer has no part in it.
 */
export function adaptiveWeight(lastLayer: tf.Variable, losses: { reconstruction: tf.Scalar; generator: tf.Scalar }): tf.Scalar {
  const normOf = (loss: tf.Scalar): tf.Tensor => tf.norm(gradientAside(loss, lastLayer));
  return unrecorded(() => tf.minimum(tf.div(normOf(losses.reconstruction), tf.add(normOf(losses.generator), 1e-4)), LARGEST_ADAPTIVE_WEIGHT));
}

/** From the entries that the engine's tape has so far; it stays as it is. */
function gradientAside(value: tf.Scalar, variable: tf.Variable): tf.Tensor {
  return tf.engine().gradients(() => value, [variable]).grads[0];
}

/** Runs `body` as if inside an operation: what it makes is no part of a gradient that is being recorded, and is freed but for the result. */
function unrecorded<T extends tf.Tensor>(body: () => T): T {
  const { state } = tf.engine();
  state.kernelDepth += 1;
  try {
    return tf.tidy(body);
  } finally {
    state.kernelDepth -= 1;
  }
}
