// The vocoder's stage: its loss on a batch of windows, its validation, and the discriminators when there are some. Knows no loop and no disk.
import * as tf from '@tensorflow/tfjs';
import type { DiscriminatorConfig, TrainingConfig } from '../config/training.js';
import type { VocoderLossConfig } from '../config/vocoder.js';
import type { MelSettings } from '../config/mel.js';
import type { Vocos } from '../models/index.js';
import { lossGradient, type HostTensor, type LossGradient, type Repeated } from '../nn/index.js';
import { createAdversary, type Adversary } from './adversary.js';
import type { SoundBatch, SoundWindows } from './sound-windows.js';
import type { Figures, Pass, Stage } from './stage.js';
import { createMelCodec, type MelCodec } from '../spectrogram/mel-codec.js';
import { correctLevels } from '../vocoder/level-correction.js';
import { imageOf, type VocoderMeasure } from '../vocoder/neural-vocoder.js';
import { createWaveformLoss, type WaveformLossFunction } from './waveform-loss.js';

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
  const passOnBatch = createPasses(options, judge, adversaries);
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
        return { ...passOnBatch(tensors, step), indices: batch.indices };
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

type BatchTensors = Readonly<Record<string, tf.Tensor>> & {
  readonly mel: tf.Tensor3D;
  readonly sound: tf.Tensor2D;
  readonly start?: tf.Tensor3D;
};

/** What discriminators do by now: nothing, learn, or judge as well. */
type Phase = 'alone' | 'watched' | 'judged';

/** Forward and backward in each phase. */
function createPasses(options: VocoderStageOptions, judge: WaveformLossFunction, adversaries: readonly Adversary[]): (tensors: BatchTensors, step: number) => Omit<Pass, 'indices'> {
  const { vocos, loss, training } = options;
  const createGradient = (phase: Phase): Repeated<LossGradient> =>
    lossGradient(vocos.parameters, (tensors) => {
      const { mel, sound, start } = tensors as BatchTensors;
      const [made, real] = [judge.spectra(vocos.forward(mel, start)), judge.spectra(sound)];
      const { total, ...terms } = judge.compare(made, real);
      if (phase === 'alone') return { value: total, others: { ...terms } };
      const [madeImages, realImages] = [made, real].map((spectra) => judge.images(spectra));
      const others = { ...terms, ...numbered('made', madeImages), ...numbered('real', realImages) };
      if (phase === 'watched') return { value: total, others };
      const generator = tf.div(tf.addN(adversaries.map((adversary, index) => adversary.generatorLoss(madeImages[index]))), adversaries.length) as tf.Scalar;
      return { value: tf.add(total, tf.mul(generator, loss.discriminatorWeight)) as tf.Scalar, others: { ...others, generator } };
    }, { ...training, judges: adversaries.map(({ parameters }) => parameters) });
  const gradients = { alone: createGradient('alone'), watched: createGradient('watched'), judged: createGradient('judged') };
  const phaseAt = (step: number): Phase => (adversaries.length === 0 || step < Math.floor(loss.discriminatorStartStep * 0.9) ? 'alone' : step < loss.discriminatorStartStep ? 'watched' : 'judged');
  return (tensors, step) => {
    const phase = phaseAt(step);
    const { value, others, gradients: found } = gradients[phase](tensors);
    try {
      const [total, convergence, logMagnitude, mel] = [value, others.convergence, others.logMagnitude, others.mel].map((term) => term.dataSync()[0]);
      const figures: Record<string, number> & { loss: number } = { loss: total, convergence, logMagnitude, mel };
      if (phase !== 'alone') {
        const losses = adversaries.map((adversary, index) => adversary.learn(others[`real ${index}`] as tf.Tensor4D, others[`made ${index}`] as tf.Tensor4D));
        figures.discriminator = losses.reduce((sum, one) => sum + one, 0) / losses.length;
        figures.generator = phase === 'judged' ? others.generator.dataSync()[0] : 0;
      }
      return { gradients: found, figures };
    } finally {
      tf.dispose([value, ...Object.values(others)]);
    }
  };
}

function numbered(name: string, tensors: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  return Object.fromEntries(tensors.map((tensor, index) => [`${name} ${index}`, tensor]));
}

/** The loss without discriminators on fixed windows, of sound as the vocoder gives it, and that of what the classical inverter makes of them. */
async function validate({ vocos, windows, training, mel: settings }: VocoderStageOptions, judge: WaveformLossFunction): Promise<Figures> {
  const codec = createMelCodec(settings);
  const sums: number[] = [];
  let count = 0;
  for (const batch of windows.fixed(training.batchSize, VALIDATION_LIMIT)) {
    const figures = tf.tidy(() => {
      const { mel, sound, start } = toTensors(batch, windows);
      const real = judge.spectra(sound);
      const forward = vocos.forward(mel, start);
      const made = start === undefined ? forward : tf.tensor2d(corrected(codec, forward.dataSync<'float32'>().slice(), batch), sound.shape);
      const { total, convergence, logMagnitude, mel: melDifference } = judge.compare(judge.spectra(made), real);
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

/** As the neural vocoder leads its sound back to the image, but for the frames that see beyond the window. Shape: [B*T] -> [B*T]. */
function corrected({ settings, stft, toMelTarget }: MelCodec, made: Float32Array, { mel, indices: { length: count } }: SoundBatch): Float32Array {
  const edgeFrames = Math.ceil(settings.fftSize / 2 / settings.hopSamples);
  const [samples, cells] = [made.length / count, mel.length / count];
  for (let item = 0; item < count; item += 1) {
    const target = toMelTarget(imageOf(settings, mel.subarray(item * cells, (item + 1) * cells)));
    correctLevels(made.subarray(item * samples, (item + 1) * samples), { transform: stft, target, edgeFrames });
  }
  return made;
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
