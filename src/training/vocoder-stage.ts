// The vocoder's stage: its loss on a batch of windows, its validation, and the discriminators when there are some. Knows no loop and no disk.
import * as tf from '@tensorflow/tfjs';
import type { DiscriminatorConfig, TrainingConfig } from '../config/training.js';
import type { VocoderLossConfig } from '../config/vocoder.js';
import { lossGradient, type HostTensor, type LossGradient, type Repeated } from '../nn/index.js';
import type { VocoderMeasure, VocoderNetwork } from '../vocoder/vocoder-network.js';
import { createAdversary, type Adversary } from './adversary.js';
import { createHeardMeasure } from './heard-measure.js';
import { createMagnitudeLoss } from './magnitude-loss.js';
import type { SoundBatch, SoundWindows } from './sound-windows.js';
import type { Figures, Pass, Stage } from './stage.js';
import { createWaveformLoss, type WaveformLossFunction } from './waveform-loss.js';

export interface VocoderStageOptions {
  readonly network: VocoderNetwork;
  readonly windows: SoundWindows;
  readonly loss: VocoderLossConfig;
  readonly discriminator: DiscriminatorConfig;
  readonly training: TrainingConfig;
  readonly seed: number;
}

/** Windows that a validation looks at, at most. */
const VALIDATION_LIMIT = 128;

export interface VocoderStage extends Stage {
  /** What its sound and the inverter's are worth on fixed windows. To be asked with the averages in place, as the loop validates. */
  measured(): VocoderMeasure;
  dispose(): void;
}

/** Creates the stage. Memory: dispose frees the discriminators; the network stays the caller's. */
export function createVocoderStage(options: VocoderStageOptions): VocoderStage {
  const { network, windows, training, loss, discriminator, seed } = options;
  const { parameters, config } = network.vocos;
  const judge = createWaveformLoss(network.mel, loss);
  const adversaries = loss.discriminatorWeight > 0 ? loss.fftSizes.map((_, index) => createAdversary({ config: discriminator, training, seed: seed + index })) : [];
  const { passOnBatch, compare } = config.predicts === 'magnitudes' ? learnMagnitudes(options) : learnSpectra(options, judge, adversaries);
  return {
    name: 'vocoder',
    parameters,
    async pass({ step, pass }) {
      const batch = await windows.draw(pass, training.batchSize);
      const tensors = toTensors(batch, windows);
      try {
        return { ...passOnBatch(tensors, step), indices: batch.indices };
      } finally {
        tf.dispose(Object.values(tensors));
      }
    },
    validate: () => validate(options, compare),
    measured: createHeardMeasure({ network, windows, judge }),
    ...(adversaries.length > 0 && {
      afterStep: ({ learningRateShare }) => adversaries.forEach((adversary) => adversary.update(learningRateShare)),
      extraState: () => new Map(adversaries.flatMap((adversary, index) => [...adversary.state()].map(([name, value]): [string, HostTensor] => [`${index}/${name}`, value]))),
      restoreExtra: (state) => adversaries.forEach((adversary, index) => adversary.restore(ofOne(state, `${index}/`))),
    }),
    dispose: () => adversaries.forEach((adversary) => adversary.dispose()),
  };
}

/** What is particular to what the network predicts. */
interface Lesson {
  readonly passOnBatch: (tensors: BatchTensors, step: number) => Omit<Pass, 'indices'>;
  /** The loss, of a network without discriminators, and its terms. For use inside tf.tidy. */
  readonly compare: (tensors: BatchTensors) => Readonly<Record<string, tf.Scalar>> & { readonly loss: tf.Scalar };
}

type BatchTensors = Readonly<Record<string, tf.Tensor>> & {
  readonly mel: tf.Tensor3D;
  readonly magnitude: tf.Tensor3D;
  readonly sound: tf.Tensor2D;
};

function learnMagnitudes({ network: { vocos, mel: settings }, training }: VocoderStageOptions): Lesson {
  const lossOf = createMagnitudeLoss(settings);
  const compare: Lesson['compare'] = ({ mel, magnitude }) => ({ loss: lossOf(vocos.magnitudes(mel), magnitude) });
  const gradient = lossGradient(vocos.parameters, (tensors) => ({ value: compare(tensors as BatchTensors).loss }), training);
  return {
    compare,
    passOnBatch({ mel, magnitude }) {
      const { value, gradients } = gradient({ mel, magnitude });
      const loss = value.dataSync()[0];
      value.dispose();
      return { gradients, figures: { loss } };
    },
  };
}

/** What discriminators do by now: nothing, learn, or judge as well. */
type Phase = 'alone' | 'watched' | 'judged';

function learnSpectra({ network: { vocos }, loss, training }: VocoderStageOptions, judge: WaveformLossFunction, adversaries: readonly Adversary[]): Lesson {
  const createGradient = (phase: Phase): Repeated<LossGradient> =>
    lossGradient(vocos.parameters, (tensors) => {
      const { mel, sound } = tensors as BatchTensors;
      const [made, real] = [judge.spectra(vocos.forward(mel)), judge.spectra(sound)];
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
  const passOnBatch: Lesson['passOnBatch'] = ({ mel, sound }, step) => {
    const phase = phaseAt(step);
    const { value, others, gradients: found } = gradients[phase]({ mel, sound });
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
  const compare: Lesson['compare'] = ({ mel, sound }) => {
    const { total, convergence, logMagnitude, mel: melDifference } = judge.compare(judge.spectra(vocos.forward(mel)), judge.spectra(sound));
    return { loss: total, convergence, logMagnitude, mel: melDifference };
  };
  return { passOnBatch, compare };
}

function numbered(name: string, tensors: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  return Object.fromEntries(tensors.map((tensor, index) => [`${name} ${index}`, tensor]));
}

/** The mean over fixed windows. */
async function validate({ windows, training }: VocoderStageOptions, compare: Lesson['compare']): Promise<Figures> {
  const sums = new Map<string, number>();
  let count = 0;
  for (const batch of windows.fixed(training.batchSize, VALIDATION_LIMIT)) {
    const terms = tf.tidy(() => ({ ...compare(toTensors(batch, windows)) }));
    for (const [name, value] of Object.entries(terms)) sums.set(name, (sums.get(name) ?? 0) + value.dataSync()[0] * batch.indices.length);
    tf.dispose(terms);
    count += batch.indices.length;
    await tf.nextFrame(); // lets signals in
  }
  return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / count])) as unknown as Figures;
}

/** Memory: the caller disposes. */
function toTensors({ mel, magnitude, sound, indices: { length: count } }: SoundBatch, { frames, samples }: SoundWindows): BatchTensors {
  const byFrame = (values: Float32Array): tf.Tensor3D => tf.tensor3d(values, [count, frames, values.length / count / frames]);
  return { mel: byFrame(mel), magnitude: byFrame(magnitude), sound: tf.tensor2d(sound, [count, samples]) };
}

/** The entries under a prefix, without it. */
function ofOne(state: ReadonlyMap<string, HostTensor>, prefix: string): Map<string, HostTensor> {
  return new Map([...state].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]));
}
