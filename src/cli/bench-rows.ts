// What `bench` measures: each row is one job, run several times, with its median and spread. Fixed shapes, random data.
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { createRandom } from '../base/random.js';
import { deriveNetworks } from '../config/derive.js';
import type { RunConfig } from '../config/run-config.js';
import { createAutoencoderKL, createUnet2d } from '../models/index.js';
import { createAdamW, createEma, valueAndGradients, type ParameterTree } from '../nn/index.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';

const LABELS = 10;
const SECONDS_OF_SOUND = 20;

export interface BenchRow {
  readonly name: string;
  readonly unit: string;
  /** How the raw milliseconds of one run become the figure. */
  readonly figure: (milliseconds: number) => number;
  readonly run: () => Promise<void> | void;
  readonly dispose?: () => void;
}

/** The configuration that rows of networks are measured with. */
export const BENCH_CONFIG = fileURLToPath(new URL('../../configs/drums.yaml', import.meta.url));

/** Creates the rows one after the other, so that only one row's networks are in memory. */
export function* createBenchRows(config: RunConfig): Generator<BenchRow> {
  yield* signalRows(config);
  yield vaeStep(config);
  yield* unetRows(config);
}

function* signalRows({ mel }: RunConfig): Generator<BenchRow> {
  const codec = createMelCodec(mel);
  const vocoder = createGriffinLimVocoder(mel, { iterations: 32 });
  const signal = createRandom(0, 'bench').normals(SECONDS_OF_SOUND * mel.sampleRateHz).map((value) => 0.1 * value);
  const timesRealTime = (milliseconds: number): number => (1000 * SECONDS_OF_SOUND) / milliseconds;
  yield { name: 'mel analysis', unit: '× real time', figure: timesRealTime, run: () => void codec.analyse(signal) };
  const image = codec.analyse(signal);
  yield { name: 'mel to sound (NNLS, 32 fast Griffin-Lim iterations)', unit: '× real time', figure: timesRealTime, run: () => void vocoder.invert(image) };
}

function vaeStep(config: RunConfig): BenchRow {
  const { melBins, frames } = config.mel;
  const { batchSize } = config.vae.training;
  const vae = createAutoencoderKL(deriveNetworks(config, LABELS).vae, { seed: 0 });
  const images = tf.randomNormal<tf.Rank.R4>([batchSize, melBins, frames, 1]);
  const trainer = createTrainer(vae.parameters, () => {
    const { mean } = vae.encode(images);
    return tf.mean(tf.abs(tf.sub(vae.decode(mean), images)));
  });
  return {
    name: `VAE training step (${count(vae.parameters)}, batch ${batchSize}, ${melBins} × ${frames})`, unit: 'ms', figure: (milliseconds) => milliseconds,
    run: trainer.step,
    dispose: () => { trainer.dispose(); vae.dispose(); images.dispose(); },
  };
}

function* unetRows(config: RunConfig): Generator<BenchRow> {
  const { batchSize } = config.unet.training;
  const { unet: network, sampleShape } = deriveNetworks(config, LABELS);
  const unet = createUnet2d(network, { seed: 0 });
  const sample = tf.randomNormal<tf.Rank.R4>([batchSize, ...sampleShape]);
  const timestep = tf.fill<tf.Rank.R1>([batchSize], 500);
  const classLabels = tf.zeros<tf.Rank.R1>([batchSize], 'int32');
  const trainer = createTrainer(unet.parameters, () => tf.mean(tf.square(tf.sub(unet.forward({ sample, timestep, classLabels }), sample))));
  const size = `${count(unet.parameters)}, batch ${batchSize}, ${sampleShape.join(' × ')}`;
  yield { name: `UNet training step (${size})`, unit: 'ms', figure: (milliseconds) => milliseconds, run: trainer.step };
  yield {
    name: `UNet sampling step (${size})`, unit: 'ms', figure: (milliseconds) => milliseconds,
    run: () => void tf.tidy(() => tf.sum(unet.forward({ sample, timestep, classLabels })).dataSync()),
    dispose: () => { trainer.dispose(); unet.dispose(); tf.dispose([sample, timestep, classLabels]); },
  };
}

function createTrainer(parameters: ParameterTree, loss: () => tf.Tensor): { step: () => void; dispose: () => void } {
  const optimiser = createAdamW(parameters, { beta1: 0.9, beta2: 0.99, weightDecay: 0.01 });
  const ema = createEma(parameters, 0.999);
  let done = 0;
  return {
    step() {
      const { value, gradients } = valueAndGradients(parameters, () => tf.tidy(() => tf.cast(loss(), 'float32').asScalar()));
      optimiser.step(gradients, 1e-4);
      done += 1;
      ema.update(done);
      value.dataSync();
      tf.dispose([value, ...gradients]);
    },
    dispose() {
      optimiser.dispose();
      ema.dispose();
    },
  };
}

function count(parameters: ParameterTree): string {
  return `${(parameters.count / 1e6).toFixed(1)} M parameters`;
}
