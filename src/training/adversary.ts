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

/** What is to be minimised at once. */
export interface JudgedLosses {
  /** The autoencoder's answer, which both losses are of. */
  readonly image: tf.Tensor4D;
  /** The kernel of the layer that made it. */
  readonly lastLayer: tf.Variable;
  readonly reconstruction: tf.Scalar;
  readonly generator: tf.Scalar;
  /** Share of the reconstruction's gradient at the last layer that the generator's gets. */
  readonly share: number;
}

/**
 * The sum of both losses, the discriminator's term weighed so that its gradient at the decoder's last layer is `share` times as large as
 * the reconstruction's; the weight is a constant in that sum's gradient. Called while that gradient is being recorded.
 *
 * Each loss is followed back to the image once: what comes out there serves for the weight as well as for the sum.
 *
 * Source: Esser et al., "Taming transformers for high-resolution image synthesis" (2021), equation 7.
 */
export function judgedLoss({ image, lastLayer, reconstruction, generator, share }: JudgedLosses): { value: tf.Scalar; weight: tf.Scalar } {
  const { weight, total, gradient } = unrecorded(() => {
    const [wanted, judged] = [reconstruction, generator].map((loss) => gradientAside(loss, image));
    const [wantedSize, judgedSize] = [wanted, judged].map((gradientOfImage) => tf.norm(gradientAside(image, lastLayer, gradientOfImage)));
    const weight = tf.mul(tf.minimum(tf.div(wantedSize, tf.add(judgedSize, 1e-4)), LARGEST_ADAPTIVE_WEIGHT), share) as tf.Scalar;
    return { weight, total: tf.add(reconstruction, tf.mul(generator, weight)) as tf.Scalar, gradient: tf.add(wanted, tf.mul(judged, weight)) };
  });
  const summed = tf.customGrad<tf.Scalar>((_, save) => {
    (save as tf.GradSaveFunc)([gradient]);
    return { value: tf.clone(total), gradFunc: (dy, [saved]) => tf.mul(saved, dy) };
  });
  return { value: summed(image), weight };
}

/** From the entries that the engine's tape has so far; it stays as it is. */
function gradientAside(value: tf.Tensor, input: tf.Tensor, valueGradient?: tf.Tensor): tf.Tensor {
  return tf.engine().gradients(() => value, [input], valueGradient).grads[0];
}

/** Runs `body` as if inside an operation: what it makes is no part of a gradient that is being recorded, and is freed but for the result. */
function unrecorded<T extends Record<string, tf.Tensor>>(body: () => T): T {
  const { state } = tf.engine();
  state.kernelDepth += 1;
  try {
    return tf.tidy(body);
  } finally {
    state.kernelDepth -= 1;
  }
}
