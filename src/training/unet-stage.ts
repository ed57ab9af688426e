// The stage of the UNet, or of an upscaler, which sees a small image too, or of one for inpainting, which sees what is kept: noise at drawn timesteps, the weighted error of the answer, validation at fixed ones. Knows no loop and no disk.
import * as tf from '@tensorflow/tfjs';
import { createRandom, type Random } from '../base/random.js';
import type { DiffusionConfig } from '../config/diffusion.js';
import type { TrainingConfig } from '../config/training.js';
import { createNoiseSchedule, lossWeightAt, noisyTrainingBatch, trainingTimestep, type NoiseSchedule } from '../diffusion/index.js';
import { lossGradient } from '../nn/index.js';
import type { AnyUnet } from '../pipeline/any-unet.js';
import { forwardUnet, joinBeside } from '../pipeline/denoiser.js';
import { keptChannels, nothingKept } from '../pipeline/inpainting.js';
import { enlargeImages, reduceImages } from '../pipeline/resize.js';
import type { CleanSource } from './clean-source.js';
import type { Split } from './corpus-source.js';
import { drawKeptRegions } from './kept-regions.js';
import type { Figures, Stage, StageName } from './stage.js';

export interface UnetStageOptions {
  /** Default `unet`. */
  readonly name?: StageName;
  readonly unet: AnyUnet;
  readonly diffusion: DiffusionConfig;
  readonly training: TrainingConfig;
  readonly source: CleanSource;
  /** Labels of the corpus; the class of this number stands for no label. */
  readonly labelCount: number;
  /** Share of training samples whose label is hidden. */
  readonly labelDropout: number;
  /** For a UNet that attends to text; null for one that does not. */
  readonly captions?: CaptionSource | null;
  /** For an upscaler, which sees the clean sample averaged down and enlarged again beside the noisy one. */
  readonly upscaling?: Upscaling;
  /** For a UNet for inpainting: the share of training samples of which it is shown a part. Default none, for a UNet that sees nothing kept. */
  readonly inpaintingShare?: number | null;
  readonly seed: number;
}

export interface Upscaling {
  readonly factor: 2 | 4;
  /** The largest deviation of the noise that the small image gets in training. */
  readonly noiseAugmentation: number;
}

/** The captions of slices, as the text encoder reads them. */
export interface CaptionSource {
  /** Share of training samples whose caption is hidden: they are trained with the empty one. */
  readonly dropout: number;
  /** The split that validation runs on. */
  readonly validationSplit: Split;
  /** States of slices by their number within the split; null in place of a number gives those of the empty caption. Shape: [B, T, C]. Memory: the caller disposes. */
  states(split: Split, indices: readonly (number | null)[]): tf.Tensor3D;
}

/** Samples that a validation looks at, at most. */
const VALIDATION_LIMIT = 256;
/** Timesteps each of them is tried at, so that a small validation split still sees them all. */
const VALIDATION_ROUNDS = 2;

/** Creates the stage. Memory: holds no tensors of its own. */
export function createUnetStage(options: UnetStageOptions): Stage {
  const { name = 'unet', unet, diffusion, training, source, labelCount, labelDropout, seed } = options;
  const schedule = createNoiseSchedule(diffusion);
  const gradientOf = lossGradient(unet.parameters, (inputs) => ({ value: weightedError(unet, inputs as StepTensors) }), training);
  return {
    name,
    parameters: unet.parameters,
    async pass({ pass }) {
      const batch = await source.draw(pass, training.batchSize);
      const random = createRandom(seed, name, 'pass', pass);
      const count = batch.labels.length;
      const labels = batch.labels.map((label) => (random.uniform() < labelDropout ? labelCount : classOf(label, labelCount)));
      const timesteps = spreadTimesteps(schedule, { count, offset: random.uniform() });
      const textStates = options.captions?.states('train', hideCaptions(options.captions, { indices: batch.indices, pass, seed }));
      const beside = showBeside(options, batch.clean, createRandom(seed, name, 'condition', pass));
      const inputs = prepare(options, schedule, { clean: batch.clean, labels, timesteps, noise: random.normals(batch.clean.size), textStates, beside });
      const { value, gradients } = gradientOf(inputs);
      const figures = { loss: value.dataSync()[0] };
      tf.dispose([value, batch.clean, ...Object.values(inputs)]);
      return { gradients, figures, indices: batch.indices };
    },
    validate: () => validate(options, schedule),
  };
}

/** From a sequence of its own, so that a run without captions draws what it always drew. */
function hideCaptions({ dropout }: CaptionSource, { indices, pass, seed }: { indices: ArrayLike<number>; pass: number; seed: number }): (number | null)[] {
  const random = createRandom(seed, 'unet', 'captions', pass);
  return Array.from(indices, (index) => (random.uniform() < dropout ? null : index));
}

/**
 * The small image of each clean sample, enlarged. Each gets noise of a deviation of its own, so that the upscaler learns not to trust
 * every cell of an image that was drawn and not measured.
 *
 * @param random null adds no noise
 */
function enlargedOf(clean: tf.Tensor4D, { factor, noiseAugmentation }: Upscaling, random: Random | null): tf.Tensor4D {
  return tf.tidy(() => {
    const small = reduceImages(clean, factor);
    if (random === null) return enlargeImages(small, factor);
    const size = small.size / small.shape[0];
    const noise = new Float32Array(small.size);
    for (let item = 0; item < small.shape[0]; item += 1) {
      const deviation = noiseAugmentation * random.uniform();
      noise.set(random.normals(size).map((value) => deviation * value), item * size);
    }
    return enlargeImages(tf.add(small, tf.tensor4d(noise, small.shape)) as tf.Tensor4D, factor);
  });
}

/** Even over the whole range with one common random offset: less scatter from batch to batch than independent draws. */
export function spreadTimesteps(schedule: NoiseSchedule, { count, offset }: { count: number; offset: number }): number[] {
  return Array.from({ length: count }, (_, item) => trainingTimestep(schedule, (item + offset) / count));
}

/** What a step computes with. */
type StepTensors = Readonly<Record<string, tf.Tensor>> & {
  readonly input: tf.Tensor4D;
  readonly target: tf.Tensor4D;
  readonly timesteps: tf.Tensor1D;
  readonly labels: tf.Tensor1D;
  /** Shape: [B]. */
  readonly weights: tf.Tensor1D;
  readonly textStates?: tf.Tensor3D;
  readonly beside?: tf.Tensor4D;
};

/**
 * What the UNet sees beside the noisy sample. Memory: the caller disposes.
 *
 * @param random null at validation: a small image gets no noise, and nothing is kept
 */
function showBeside({ upscaling, inpaintingShare = null }: UnetStageOptions, clean: tf.Tensor4D, random: Random | null): tf.Tensor4D | undefined {
  if (upscaling !== undefined) return enlargedOf(clean, upscaling, random);
  if (inpaintingShare === null) return undefined;
  if (random === null) return nothingKept(clean.shape);
  return tf.tidy(() => {
    const [count, rows, columns] = clean.shape;
    return keptChannels({ clean, isKnown: tf.tensor4d(drawKeptRegions(random, { count, rows, columns, share: inpaintingShare }), [count, rows, columns, 1]) });
  });
}

function prepare(
  { diffusion }: UnetStageOptions,
  schedule: NoiseSchedule,
  drawn: { clean: tf.Tensor4D; labels: Int32Array; timesteps: readonly number[]; noise: Float32Array; textStates: tf.Tensor3D | undefined; beside: tf.Tensor4D | undefined },
): StepTensors {
  const { clean, timesteps, textStates, beside } = drawn;
  const noise = tf.tensor4d(drawn.noise, clean.shape);
  const { input, target } = noisyTrainingBatch({ schedule, predictionType: diffusion.predictionType, clean, noise, timesteps });
  noise.dispose();
  const steps = tf.tensor1d(Float32Array.from(timesteps));
  const labels = tf.tensor1d(drawn.labels, 'int32');
  const weights = tf.tensor1d(Float32Array.from(timesteps, (timestep) => lossWeightAt(schedule, timestep, diffusion.minSnrGamma)));
  return { input, target, timesteps: steps, labels, weights, ...(textStates && { textStates }), ...(beside && { beside }) };
}

/** Squared error of the answer, mean over elements, weighted by timestep, mean over the batch. */
function weightedError(unet: AnyUnet, inputs: StepTensors): tf.Scalar {
  return tf.mean(tf.mul(errorPerItem(unet, inputs), inputs.weights)) as tf.Scalar;
}

/** Shape: [B]. */
function errorPerItem(unet: AnyUnet, { input, target, timesteps, labels, textStates, beside }: StepTensors): tf.Tensor1D {
  const classLabels = unet.config.num_class_embeds === null ? undefined : labels;
  const output = forwardUnet(unet, { sample: joinBeside(input, beside), timestep: timesteps, classLabels }, textStates);
  return tf.mean(tf.square(tf.sub(output, target)), [1, 2, 3]) as tf.Tensor1D;
}

/** loss is weighted as in training; meanSquaredError counts every timestep alike. */
async function validate(options: UnetStageOptions, schedule: NoiseSchedule): Promise<Figures> {
  const { name = 'unet', unet, training, source, labelCount, seed } = options;
  let [loss, meanSquaredError, count] = [0, 0, 0];
  let batchNumber = 0;
  for await (const batch of source.fixed(training.batchSize, VALIDATION_LIMIT)) {
    for (let round = 0; round < VALIDATION_ROUNDS; round += 1) {
      const random = createRandom(seed, name, 'validation', batchNumber, round);
      const timesteps = spreadTimesteps(schedule, { count: batch.labels.length, offset: random.uniform() });
      const labels = batch.labels.map((label) => classOf(label, labelCount));
      const textStates = options.captions?.states(options.captions.validationSplit, Array.from(batch.indices));
      const beside = showBeside(options, batch.clean, null);
      const inputs = prepare(options, schedule, { clean: batch.clean, labels, timesteps, noise: random.normals(batch.clean.size), textStates, beside });
      const errors = tf.tidy(() => errorPerItem(unet, inputs));
      const weights = inputs.weights.dataSync();
      errors.dataSync<'float32'>().forEach((error, item) => {
        loss += error * weights[item];
        meanSquaredError += error;
        count += 1;
      });
      tf.dispose([errors, ...Object.values(inputs)]);
    }
    batch.clean.dispose();
    batchNumber += 1;
  }
  return { loss: loss / count, meanSquaredError: meanSquaredError / count };
}

function classOf(label: number, labelCount: number): number {
  return label >= 0 && label < labelCount ? label : labelCount;
}

