// Whole training steps on one fixed batch, for measuring: beside the time, everything that a peer needs to do the very same step.
import * as tf from '@tensorflow/tfjs';
import { createRandom } from '../base/random.js';
import type { AutoencoderKLConfig } from '../config/autoencoder-kl.js';
import type { DiscriminatorConfig, TrainingConfig, VaeLossConfig } from '../config/training.js';
import type { Unet2dConfig } from '../config/unet-2d.js';
import { createAutoencoderKL, createUnet2d, type AutoencoderKL, type Unet2d } from '../models/index.js';
import { createAdamW, createEma, disposeGradients, globalNorm, lossGradient, type Gradients, type HostTensor, type ParameterTree } from '../nn/index.js';
import type { SliceBatch, SliceSource } from './corpus-source.js';
import { createVaeStage } from './vae-stage.js';

/** What every measured step does alike. */
export interface StepSettings {
  readonly batchSize: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  readonly gradientClip: number;
  readonly emaDecay: number;
  /** Default false. */
  readonly gradientCheckpointing?: boolean;
}

/** A step that can be repeated: forward, backward, norm and clipping, AdamW, average, all on the same batch, in the precision in force. */
export interface MeasuredStep<N> {
  readonly network: N;
  /** Of all networks that learn. */
  readonly parameterCount: number;
  /** What goes in, images as [B, C, H, W]; weights of a second network under `discriminator/`, convolutions as [kh, kw, in, out]. */
  readonly inputs: ReadonlyMap<string, HostTensor>;
  /** Returns the loss before the update, a discriminator's term at weight 1. */
  run(): Promise<number>;
  dispose(): void;
}

/** The UNet's step: the squared error of its answer from a fixed target. Memory: `dispose` frees everything. */
export function createMeasuredUnet(config: Unet2dConfig, sampleShape: readonly [number, number, number], settings: StepSettings): MeasuredStep<Unet2d> {
  const [rows, columns, channels] = sampleShape;
  const shape: [number, number, number, number] = [settings.batchSize, rows, columns, channels];
  const random = createRandom(0, 'measured unet');
  const network = createUnet2d(config, { seed: 0 });
  const [sample, target] = [tf.tensor4d(random.normals(tf.util.sizeFromShape(shape)), shape), tf.tensor4d(random.normals(tf.util.sizeFromShape(shape)), shape)];
  const timesteps = Float32Array.from({ length: settings.batchSize }, () => random.integer(1000));
  const timestep = tf.tensor1d(timesteps);
  const classes = config.num_class_embeds;
  const labels = classes === null ? undefined : Int32Array.from({ length: settings.batchSize }, () => random.integer(classes));
  const classLabels = labels && tf.tensor1d(labels, 'int32');
  const optimise = createOptimiser(network.parameters, settings);
  const given = { sample, target, timestep, ...(classLabels && { classLabels }) };
  const gradientOf = lossGradient(network.parameters, () => ({ value: tf.mean(tf.square(tf.sub(network.forward({ sample, timestep, classLabels }), target))) as tf.Scalar }), settings);
  return {
    network,
    parameterCount: network.parameters.count,
    inputs: new Map<string, HostTensor>([
      ['sample', channelsFirst(sample)],
      ['target', channelsFirst(target)],
      ['timestep', { shape: [timesteps.length], data: timesteps }],
      ...(labels === undefined ? [] : [['labels', { shape: [labels.length], data: Float32Array.from(labels) }] as [string, HostTensor]]),
    ]),
    async run() {
      const { value, gradients } = gradientOf(given);
      optimise.step(gradients);
      const loss = value.dataSync()[0];
      value.dispose();
      return loss;
    },
    dispose() {
      optimise.dispose();
      network.dispose();
      tf.dispose(Object.values(given));
    },
  };
}

export interface MeasuredVaeOptions {
  readonly loss: VaeLossConfig;
  /** null leaves it out; else it judges from the first step on. */
  readonly discriminator: DiscriminatorConfig | null;
  readonly training: TrainingConfig;
  readonly melBins: number;
  readonly frames: number;
}

/** The autoencoder's step as training takes it, the discriminator's own included. Memory: `dispose` frees everything. */
export function createMeasuredVae(config: AutoencoderKLConfig, options: MeasuredVaeOptions, settings: StepSettings): MeasuredStep<AutoencoderKL> {
  const { melBins, frames, discriminator, training } = options;
  const network = createAutoencoderKL(config, { seed: 0 });
  const batch = randomSlices({ melBins, frames, count: settings.batchSize });
  const stage = createVaeStage({
    vae: network, kind: 'kl', training, cropFrames: null, seed: 0, corpus: fixedCorpus(batch, { melBins, frames }),
    discriminator: discriminator ?? { channels: 8, layers: 1, learningRate: 1e-4 },
    loss: { ...options.loss, discriminatorWeight: discriminator === null ? 0 : 1, discriminatorStartStep: 0 },
  });
  const judge = new Map([...(stage.extraState?.() ?? [])].flatMap(([name, tensor]): [string, HostTensor][] => (name.startsWith(WEIGHTS) ? [[`discriminator/${name.slice(WEIGHTS.length)}`, tensor]] : [])));
  const judgeCount = [...judge.values()].reduce((sum, { data }) => sum + data.length, 0);
  const factor = 2 ** (config.block_out_channels.length - 1);
  const latent: [number, number, number, number] = [settings.batchSize, melBins / factor, frames / factor, config.latent_channels];
  // The stage draws it anew at each pass, from the number of the pass, which stays 0 here.
  const noise = tf.tensor4d(createRandom(0, 'vae', 'noise', 0).normals(tf.util.sizeFromShape(latent)), latent);
  const inputs = new Map<string, HostTensor>([
    ['image', { shape: [settings.batchSize, 1, melBins, frames], data: batch.images }],
    ['noise', channelsFirst(noise)],
    ['fills', { shape: [settings.batchSize], data: batch.fills }],
    ...judge,
  ]);
  noise.dispose();
  const optimise = createOptimiser(network.parameters, settings);
  return {
    network,
    parameterCount: network.parameters.count + judgeCount,
    inputs,
    async run() {
      const { figures, gradients } = await stage.pass({ step: 0, pass: 0 });
      optimise.step(gradients);
      stage.afterStep?.({ step: 0, learningRateShare: 1 });
      // The term of the discriminator counts once: its adaptive weight is a ratio of gradients, which jump where a leaky ReLU passes 0, so
      // that rounding decides thousandths of it. In float64 PyTorch has our weight, and with the signs of its float32 that of its float32.
      const { loss, generator = 0, adaptiveWeight = 0 } = figures;
      return loss + generator * (1 - adaptiveWeight);
    },
    dispose() {
      optimise.dispose();
      stage.dispose();
      network.dispose();
    },
  };
}

const WEIGHTS = 'weights/';

/** The part of the loop after the gradients. */
function createOptimiser(parameters: ParameterTree, settings: StepSettings): { step(gradients: Gradients): void; dispose(): void } {
  const { beta1, beta2, weightDecay, learningRate, gradientClip, emaDecay } = settings;
  const optimiser = createAdamW(parameters, { beta1, beta2, weightDecay });
  const ema = createEma(parameters, emaDecay);
  let done = 0;
  return {
    step(gradients) {
      const norm = globalNorm(gradients);
      optimiser.step(gradients, learningRate, Math.min(1, gradientClip / (norm.dataSync()[0] + 1e-12)));
      ema.update(done);
      done += 1;
      norm.dispose();
      disposeGradients(gradients);
    },
    dispose() {
      optimiser.dispose();
      ema.dispose();
    },
  };
}

/** Shape: [B, H, W, C] -> [B, C, H, W], on the host. */
function channelsFirst(x: tf.Tensor4D): HostTensor {
  const moved = tf.transpose(x, [0, 3, 1, 2]);
  const host = { shape: moved.shape, data: moved.dataSync<'float32'>().slice() };
  moved.dispose();
  return host;
}

/** Smooth images in [-1, 1] whose last frames are padding, a few more in each. */
function randomSlices({ melBins, frames, count }: { melBins: number; frames: number; count: number }): SliceBatch {
  const random = createRandom(0, 'measured slices');
  const images = random.normals(count * melBins * frames).map((value) => Math.tanh(0.5 * value));
  const fills = Float32Array.from({ length: count }, (_, item) => 1 - item / (2 * count));
  return { images, fills, labels: new Int32Array(count), indices: Int32Array.from({ length: count }, (_, item) => item) };
}

/** A corpus whose every batch is this one. */
function fixedCorpus(batch: SliceBatch, { melBins, frames }: { melBins: number; frames: number }): SliceSource {
  const size = melBins * frames;
  return {
    mel: { melBins, frames, floorDb: -80, ceilingDb: 6 },
    labels: [],
    sliceCount: () => batch.fills.length,
    slice: (_, index) => ({ image: batch.images.slice(index * size, (index + 1) * size), label: 0, fill: batch.fills[index] }),
    batch: () => batch,
  };
}
