// What `bench` measures: each row is one job, run several times, with its median and spread. Fixed shapes, random data.
import { fileURLToPath } from 'node:url';
import { createRandom } from '../base/random.js';
import type { RunConfig } from '../config/run-config.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { createUnetSteps, createVaeStep } from '../training/timed-steps.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';

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
  for (const step of [createVaeStep, createUnetSteps]) {
    for (const timed of step(config)) yield { ...timed, unit: 'ms', figure: (milliseconds) => milliseconds };
  }
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
