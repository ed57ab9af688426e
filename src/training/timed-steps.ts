// Single steps of training and sampling on random data, for measuring speed. Learns nothing and reads no corpus.
import * as tf from '@tensorflow/tfjs';
import { deriveNetworks } from '../config/derive.js';
import type { RunConfig } from '../config/run-config.js';
import { supportsBfloat16, withConvPrecision, type ConvPrecision } from '../engine/ops/index.js';
import { createAutoencoderKL, createUnet2d } from '../models/index.js';
import { createAdamW, createEma, valueAndGradients, type ParameterTree } from '../nn/index.js';

const LABELS = 10;

/** One step that can be repeated. */
export interface TimedStep {
  readonly name: string;
  readonly run: () => void;
  readonly dispose?: () => void;
}

/** The autoencoder's training step. Memory: the last step's `dispose` frees the network. */
export function* createVaeStep(config: RunConfig): Generator<TimedStep> {
  const { melBins } = config.mel;
  const frames = config.vae.cropFrames ?? config.mel.frames;
  const { batchSize } = config.vae.training;
  const vae = createAutoencoderKL(deriveNetworks(config, LABELS).vae, { seed: 0 });
  const images = tf.randomNormal<tf.Rank.R4>([batchSize, melBins, frames, 1]);
  const trainer = createTrainer(vae.parameters, trainingPrecision(config), () => {
    const { mean } = vae.encode(images);
    return tf.mean(tf.abs(tf.sub(vae.decode(mean), images)));
  });
  yield {
    name: `VAE training step (${count(vae.parameters)}, batch ${batchSize}, ${melBins} × ${frames})`,
    run: trainer.step,
    dispose: () => { trainer.dispose(); vae.dispose(); images.dispose(); },
  };
}

/** The UNet's training step, and its forward pass as in sampling. Memory: the last step's `dispose` frees the network. */
export function* createUnetSteps(config: RunConfig): Generator<TimedStep> {
  const { batchSize } = config.unet.training;
  const { unet: network, sampleShape } = deriveNetworks(config, LABELS);
  const unet = createUnet2d(network, { seed: 0 });
  const sample = tf.randomNormal<tf.Rank.R4>([batchSize, ...sampleShape]);
  const timestep = tf.tensor1d(Array.from({ length: batchSize }, () => 500));
  const classLabels = tf.zeros<tf.Rank.R1>([batchSize], 'int32');
  const trainer = createTrainer(unet.parameters, trainingPrecision(config), () => tf.mean(tf.square(tf.sub(unet.forward({ sample, timestep, classLabels }), sample))));
  const size = `${count(unet.parameters)}, batch ${batchSize}, ${sampleShape.join(' × ')}`;
  yield { name: `UNet training step (${size})`, run: trainer.step };
  yield {
    name: `UNet sampling step (${size})`,
    run: () => void tf.tidy(() => tf.sum(unet.forward({ sample, timestep, classLabels })).dataSync()),
    dispose: () => { trainer.dispose(); unet.dispose(); tf.dispose([sample, timestep, classLabels]); },
  };
}

function createTrainer(parameters: ParameterTree, precision: ConvPrecision, loss: () => tf.Tensor): { step: () => void; dispose: () => void } {
  const optimiser = createAdamW(parameters, { beta1: 0.9, beta2: 0.99, weightDecay: 0.01 });
  const ema = createEma(parameters, 0.999);
  let done = 0;
  return {
    step: () => withConvPrecision(precision, () => {
      const { value, gradients } = valueAndGradients(parameters, () => tf.tidy(() => tf.cast(loss(), 'float32').asScalar()));
      optimiser.step(gradients, 1e-4);
      done += 1;
      ema.update(done);
      value.dataSync();
      tf.dispose([value, ...gradients]);
    }),
    dispose() {
      optimiser.dispose();
      ema.dispose();
    },
  };
}

function count(parameters: ParameterTree): string {
  return `${(parameters.count / 1e6).toFixed(1)} M parameters`;
}

/** The precision that training takes on this processor. */
function trainingPrecision({ precision }: RunConfig): ConvPrecision {
  if (precision !== 'auto') return precision;
  return supportsBfloat16() ? 'bfloat16' : 'float32';
}
