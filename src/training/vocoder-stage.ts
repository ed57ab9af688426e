// The vocoder's stage: its loss on a batch of windows, its validation, and the discriminators when there are some. Knows no loop and no disk.
import * as tf from '@tensorflow/tfjs';
import type { DiscriminatorConfig, TrainingConfig } from '../config/training.js';
import type { VocoderLossConfig } from '../config/vocoder.js';
import type { MelSettings } from '../config/mel.js';
import type { Vocos } from '../models/index.js';
import { valueAndGradients, type HostTensor } from '../nn/index.js';
import { createAdversary, type Adversary } from './adversary.js';
import type { SoundBatch, SoundWindows } from './sound-windows.js';
import type { Figures, Pass, Stage } from './stage.js';
import type { VocoderMeasure } from '../vocoder/neural-vocoder.js';
import { createWaveformLoss, type Spectra, type WaveformLossFunction } from './waveform-loss.js';

export interface VocoderStageOptions {
  readonly vocos: Vocos;
  readonly windows: SoundWindows;
  readonly mel: MelSettings;
  readonly loss: VocoderLossConfig;
  readonly discriminator: DiscriminatorConfig;
  readonly training: TrainingConfig;
  readonly seed: number;
}

/** Windows that a validation looks at, at most. */
const VALIDATION_LIMIT = 128;
const FIGURES = ['loss', 'convergence', 'logMagnitude', 'mel', 'inverterLoss'] as const;

export interface VocoderStage extends Stage {
  /** What the validation of these weights said, or says now. To be asked with the averages in place, as the loop validates. Null where nothing was inverted. */
  measured(): Promise<VocoderMeasure | null>;
  dispose(): void;
}

/** Creates the stage. Memory: dispose frees the discriminators; the vocoder stays the caller's. */
export function createVocoderStage(options: VocoderStageOptions): VocoderStage {
  const { vocos, windows, training, loss, discriminator, seed } = options;
  const judge = createWaveformLoss(options.mel, loss);
  const adversaries = loss.discriminatorWeight > 0 ? loss.fftSizes.map((_, index) => createAdversary({ config: discriminator, training, seed: seed + index })) : [];
  let latest: Figures | null = null;
  const validateNow = async (): Promise<Figures> => (latest = await validate(options, judge));
  return {
    name: 'vocoder',
    parameters: vocos.parameters,
    async pass({ step, pass }) {
      latest = null; // the weights move next
      const batch = await windows.draw(pass, training.batchSize);
      const tensors = toTensors(batch, windows);
      try {
        return { ...passOnBatch({ options, judge, adversaries, step, ...tensors }), indices: batch.indices };
      } finally {
        tf.dispose(Object.values(tensors));
      }
    },
    validate: validateNow,
    async measured() {
      const { loss: own, inverterLoss } = latest ?? (await validateNow());
      return inverterLoss === undefined ? null : { loss: own, inverterLoss };
    },
    ...(adversaries.length > 0 && {
      afterStep: ({ learningRateShare }) => adversaries.forEach((adversary) => adversary.update(learningRateShare)),
      extraState: () => new Map(adversaries.flatMap((adversary, index) => [...adversary.state()].map(([name, value]): [string, HostTensor] => [`${index}/${name}`, value]))),
      restoreExtra: (state) => adversaries.forEach((adversary, index) => adversary.restore(ofOne(state, `${index}/`))),
    }),
    dispose: () => adversaries.forEach((adversary) => adversary.dispose()),
  };
}

interface BatchParts extends BatchTensors {
  readonly options: VocoderStageOptions;
  readonly judge: WaveformLossFunction;
  readonly adversaries: readonly Adversary[];
  readonly step: number;
}

interface BatchTensors {
  readonly mel: tf.Tensor3D;
  readonly sound: tf.Tensor2D;
  readonly start?: tf.Tensor3D;
}

function passOnBatch({ options, judge, adversaries, step, mel, sound, start }: BatchParts): Omit<Pass, 'indices'> {
  const { vocos, loss } = options;
  const isLearning = adversaries.length > 0 && step >= Math.floor(loss.discriminatorStartStep * 0.9);
  const isJudged = adversaries.length > 0 && step >= loss.discriminatorStartStep;
  const real = keptSpectra(judge, sound);
  let terms: tf.Scalar[] = [];
  let made: tf.Tensor4D[] = [];
  try {
    const { value, gradients } = valueAndGradients(vocos.parameters, () => {
      const spectra = judge.spectra(vocos.forward(mel, start));
      const { total, convergence, logMagnitude, mel: melDifference } = judge.compare(spectra, real);
      const images = isLearning ? judge.images(spectra) : [];
      const generator = isJudged ? (tf.div(tf.addN(adversaries.map((adversary, index) => adversary.generatorLoss(images[index]))), adversaries.length) as tf.Scalar) : tf.scalar(0);
      terms = [convergence, logMagnitude, melDifference, generator].map((term) => tf.keep(tf.clone(term)));
      made = images.map((image) => tf.keep(tf.clone(image)));
      return isJudged ? tf.add(total, tf.mul(generator, loss.discriminatorWeight)) : total;
    }, options.training);
    const [convergence, logMagnitude, melDifference, generator] = terms.map((term) => term.dataSync()[0]);
    const figures: Record<string, number> & { loss: number } = { loss: value.dataSync()[0], convergence, logMagnitude, mel: melDifference };
    value.dispose();
    if (isLearning) {
      figures.discriminator = learn(adversaries, judge, { real, made });
      figures.generator = generator;
    }
    return { gradients, figures };
  } finally {
    tf.dispose([...real.values(), ...terms, ...made]);
  }
}

/** One pass of every discriminator on its own resolution; returns their mean loss. */
function learn(adversaries: readonly Adversary[], judge: WaveformLossFunction, { real, made }: { real: Spectra; made: readonly tf.Tensor4D[] }): number {
  const images = tf.tidy(() => judge.images(real));
  const losses = adversaries.map((adversary, index) => adversary.learn(images[index], made[index]));
  tf.dispose(images);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** Memory: the caller disposes. */
function keptSpectra(judge: WaveformLossFunction, sound: tf.Tensor2D): Spectra {
  const kept = new Map<string, tf.Tensor3D>();
  tf.tidy(() => judge.spectra(sound).forEach((power, name) => kept.set(name, tf.keep(power))));
  return kept;
}

/** The loss without discriminators on fixed windows, and that of what the classical inverter makes of them. */
async function validate({ vocos, windows, training }: VocoderStageOptions, judge: WaveformLossFunction): Promise<Figures> {
  const sums: number[] = [];
  let count = 0;
  for (const batch of windows.fixed(training.batchSize, VALIDATION_LIMIT)) {
    const figures = tf.tidy(() => {
      const { mel, sound, start } = toTensors(batch, windows);
      const real = judge.spectra(sound);
      const { total, convergence, logMagnitude, mel: melDifference } = judge.compare(judge.spectra(vocos.forward(mel, start)), real);
      const inverter = batch.inverted === undefined ? [] : [judge.compare(judge.spectra(tf.tensor2d(batch.inverted, sound.shape)), real).total];
      return tf.stack([total, convergence, logMagnitude, melDifference, ...inverter]);
    });
    figures.dataSync<'float32'>().forEach((value, index) => (sums[index] = (sums[index] ?? 0) + value * batch.indices.length));
    figures.dispose();
    count += batch.indices.length;
    await tf.nextFrame(); // lets signals in
  }
  return Object.fromEntries(sums.map((sum, index) => [FIGURES[index], sum / count])) as unknown as Figures;
}

/** Memory: the caller disposes. */
function toTensors({ mel, sound, start, indices }: SoundBatch, { frames, samples }: SoundWindows): BatchTensors {
  const count = indices.length;
  const byFrame = (values: Float32Array): tf.Tensor3D => tf.tensor3d(values, [count, frames, values.length / count / frames]);
  return { mel: byFrame(mel), sound: tf.tensor2d(sound, [count, samples]), ...(start && { start: byFrame(start) }) };
}

/** The entries under a prefix, without it. */
function ofOne(state: ReadonlyMap<string, HostTensor>, prefix: string): Map<string, HostTensor> {
  return new Map([...state].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]));
}
