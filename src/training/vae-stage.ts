// The autoencoder's stage: its loss on a batch, its validation, and the discriminator when there is one. Knows no loop and no disk.
import * as tf from '@tensorflow/tfjs';
import { createRandom } from '../base/random.js';
import { imageChannels, imageRows } from '../config/mel-layout.js';
import type { DiscriminatorConfig, TrainingConfig, VaeLossConfig } from '../config/training.js';
import { decodeOneChannel, encodeOneChannel, klPerItem, samplePosterior, type AutoencoderKL } from '../models/index.js';
import { lossGradient, type LossGradient } from '../nn/index.js';
import { createAdversary, judgedLoss, type Adversary } from './adversary.js';
import { cropBatch } from './crop-batch.js';
import { fixedBatches, imagesToTensor, validationSplit, type SliceSource } from './corpus-source.js';
import { frameWeights, spectrogramLoss, type SpectrogramLoss } from './spectrogram-loss.js';
import type { Figures, Pass, Stage } from './stage.js';

export interface VaeStageOptions {
  readonly vae: AutoencoderKL;
  readonly kind: 'kl' | 'plain';
  readonly loss: VaeLossConfig;
  readonly discriminator: DiscriminatorConfig;
  readonly training: TrainingConfig;
  /** Frames of the windows that training slices are cut to; null for whole slices. */
  readonly cropFrames: number | null;
  readonly corpus: SliceSource;
  readonly seed: number;
}

/** Slices that a validation looks at, at most. */
const VALIDATION_LIMIT = 256;
/** Cells louder than this above the floor count as active in errorDb. Unit: dB. */
const ACTIVE_ABOVE_FLOOR_DB = 4;

/** Creates the stage. Memory: dispose frees the discriminator; the autoencoder stays the caller's. */
export function createVaeStage(options: VaeStageOptions): Stage & { dispose(): void } {
  const { vae, training, corpus, seed, loss } = options;
  const adversary = loss.discriminatorWeight > 0 ? createAdversary({ config: options.discriminator, training, seed, imageChannels: imageChannels(corpus.mel) }) : null;
  const passOnBatch = createPasses(options, adversary);
  return {
    name: 'vae',
    parameters: vae.parameters,
    async pass({ step, pass }) {
      const whole = await corpus.batch({ split: 'train', step: pass, batchSize: training.batchSize, seed, augment: training.augment });
      const frames = options.cropFrames ?? corpus.mel.frames;
      const random = createRandom(seed, 'vae', 'crop', pass);
      const batch = options.cropFrames === null ? whole : cropBatch(whole, { melBins: imageRows(corpus.mel), frames: corpus.mel.frames, cropFrames: frames, random });
      const image = imagesToTensor(batch, { ...corpus.mel, frames });
      const weights = frameWeights(batch.fills, frames, loss.paddingWeight);
      const tensors = { image, weights, ...(options.kind === 'kl' && { noise: latentNoise(vae, image, createRandom(seed, 'vae', 'noise', pass)) }) };
      try {
        return { ...passOnBatch(tensors, step), indices: batch.indices };
      } finally {
        tf.dispose(Object.values(tensors));
      }
    },
    validate: () => validate(options),
    ...(adversary && {
      afterStep: ({ learningRateShare }) => adversary.update(learningRateShare),
      extraState: () => adversary.state(),
      restoreExtra: (state) => adversary.restore(state),
    }),
    dispose: () => adversary?.dispose(),
  };
}

/** What a step computes with. */
type StepTensors = Readonly<Record<string, tf.Tensor>> & {
  readonly image: tf.Tensor4D;
  readonly weights: tf.Tensor4D;
  /** Absent for the mean of the posterior. */
  readonly noise?: tf.Tensor4D;
};

/** Forward and backward, with what has joined the loss by the step. */
function createPasses(options: VaeStageOptions, adversary: Adversary | null): (tensors: StepTensors, step: number) => Omit<Pass, 'indices'> {
  const { loss, training } = options;
  const learnsFrom = Math.floor(loss.discriminatorStartStep * 0.9);
  const smooth = createGradients({ ...options, loss: { ...loss, textureWeight: 0 } }, adversary);
  const textured = loss.textureWeight === 0 ? smooth : createGradients(options, adversary);
  return (tensors, step) => {
    const { judged, unjudged } = step >= loss.textureStartShare * training.steps ? textured : smooth;
    const { value, others, gradients } = adversary !== null && step >= loss.discriminatorStartStep ? judged(tensors) : unjudged(tensors);
    const { reconstruction, ...terms } = others;
    const { generator = 0, adaptiveWeight: weight = 0, ...plain } = Object.fromEntries(Object.entries(terms).map(([name, tensor]) => [name, tensor.dataSync()[0]]));
    const figures: Record<string, number> & { loss: number } = { loss: value.dataSync()[0], ...plain };
    if (adversary !== null && step >= learnsFrom) {
      figures.discriminator = adversary.learn(tensors.image, reconstruction as tf.Tensor4D);
      figures.generator = generator;
      figures.adaptiveWeight = weight;
    }
    tf.dispose([value, ...Object.values(others)]);
    return { gradients, figures };
  };
}

/** The gradients of the loss before the discriminator judges, and after. */
function createGradients(options: VaeStageOptions, adversary: Adversary | null): Record<'unjudged' | 'judged', (tensors: StepTensors) => LossGradient> {
  const { vae, loss, training } = options;
  const withKl = (value: tf.Scalar, { kl }: { kl?: tf.Scalar }): tf.Scalar => (kl === undefined ? value : tf.add(value, tf.mul(kl, loss.klWeightPerSummedElement)));
  const unjudged = lossGradient(vae.parameters, (tensors) => {
    const { plain, ...others } = reconstructionLoss(options, tensors as StepTensors);
    return { value: withKl(plain, others), others };
  }, training);
  const judged = lossGradient(vae.parameters, (tensors) => {
    const { plain, ...others } = reconstructionLoss(options, tensors as StepTensors);
    const generator = adversary!.generatorLoss(others.reconstruction);
    const { value, weight } = judgedLoss({ image: others.reconstruction, lastLayer: vae.lastLayer, reconstruction: plain, generator, share: loss.discriminatorWeight });
    return { value: withKl(value, others), others: { ...others, generator, adaptiveWeight: weight } };
  }, { ...training, judges: adversary ? [adversary.parameters] : [] });
  return { unjudged, judged };
}

/** `plain` is the loss without the terms of KL and discriminator. Memory: for use inside a gradient. */
function reconstructionLoss({ vae, loss, kind }: VaeStageOptions, { image, weights, noise }: StepTensors): Omit<SpectrogramLoss, 'total'> & { reconstruction: tf.Tensor4D; kl?: tf.Scalar; plain: tf.Scalar } {
  const posterior = encodeOneChannel(vae, image);
  const reconstruction = decodeOneChannel(vae, noise === undefined ? posterior.mean : samplePosterior(posterior, noise), image.shape[3]);
  const { total: plain, ...terms } = spectrogramLoss(reconstruction, image, { ...loss, weights });
  return { reconstruction, ...terms, plain, ...(kind === 'kl' && { kl: tf.mean(klPerItem(posterior)) as tf.Scalar }) };
}

/** Through the posterior's mean, as a round trip is heard. errorDb: mean absolute error of the cells that hold sound. */
async function validate({ vae, loss, kind, training, corpus }: VaeStageOptions): Promise<Figures> {
  const { frames, floorDb, ceilingDb } = corpus.mel;
  const dbPerUnit = (ceilingDb - floorDb) / 2;
  const activeFrom = -1 + ACTIVE_ABOVE_FLOOR_DB / dbPerUnit;
  const sums = new Float64Array(7); // loss, l1, gradient, kl, texture, error of active cells, active cells
  let count = 0;
  for await (const batch of fixedBatches(corpus, { split: validationSplit(corpus), batchSize: training.batchSize, limit: VALIDATION_LIMIT })) {
    const figures = tf.tidy(() => {
      const image = imagesToTensor(batch, corpus.mel);
      const weights = frameWeights(batch.fills, frames, loss.paddingWeight);
      const posterior = encodeOneChannel(vae, image);
      const reconstruction = decodeOneChannel(vae, posterior.mean, image.shape[3]);
      const { l1, gradient, texture = tf.scalar(0), total } = spectrogramLoss(reconstruction, image, { ...loss, weights });
      const kl = kind === 'kl' ? tf.mean(klPerItem(posterior)) : tf.scalar(0);
      const [wanted, got] = [image, tf.clipByValue(reconstruction, -1, 1)].map(inDecibels);
      const active = tf.cast(tf.greater(wanted, activeFrom), 'float32');
      const error = tf.sum(tf.mul(tf.abs(tf.sub(got, wanted)), active));
      return tf.stack([tf.add(total, tf.mul(kl, loss.klWeightPerSummedElement)), l1, gradient, kl, texture, error, tf.sum(active)].map((tensor) => tf.reshape(tensor, [])));
    });
    const size = batch.labels.length;
    figures.dataSync<'float32'>().forEach((value, index) => (sums[index] += index < 5 ? value * size : value));
    figures.dispose();
    count += size;
  }
  const [total, l1, gradient, kl, texture] = sums.map((sum) => sum / count);
  return { loss: total, l1, gradient, ...(kind === 'kl' && { kl }), ...(loss.textureWeight > 0 && { texture }), errorDb: (sums[5] / Math.max(1, sums[6])) * dbPerUnit };
}

/** The channels whose values are levels: the one, or of stereo sound mid and side. */
function inDecibels(image: tf.Tensor4D): tf.Tensor4D {
  return image.shape[3] === 1 ? image : tf.slice(image, [0, 0, 0, 0], [-1, -1, -1, 2]);
}

/** Standard normal noise of the latent's shape. Memory: the caller disposes. */
function latentNoise({ config }: AutoencoderKL, image: tf.Tensor4D, random: ReturnType<typeof createRandom>): tf.Tensor4D {
  const factor = 2 ** (config.block_out_channels.length - 1);
  const [batch, bins, frames] = image.shape;
  const shape: [number, number, number, number] = [batch, bins / factor, frames / factor, config.latent_channels];
  return tf.tensor4d(random.normals(shape[0] * shape[1] * shape[2] * shape[3]), shape);
}
