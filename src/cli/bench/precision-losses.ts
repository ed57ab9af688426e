// Whether runs in bfloat16 reach the validation loss of runs in float32: both trained from several seeds, and compared with what a seed changes.
import { join } from 'node:path';
import { MelstromError } from '../../base/errors.js';
import { silentReporter } from '../../base/logger.js';
import { loadRunConfig } from '../../config/load.node.js';
import { resolveOverrides } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { supportsBfloat16, type ConvPrecision } from '../../engine/ops/index.js';
import { trainRun } from '../../training/train.node.js';
import { DEMO } from './rows.js';
import type { SideMeasure } from './side-measures.js';

/** The last validation of one run. */
export interface FinalLoss {
  readonly stage: string;
  readonly seed: number;
  readonly precision: ConvPrecision;
  readonly loss: number;
}

/** Both precisions of one stage, over the seeds. */
export interface LossComparison {
  readonly stage: string;
  readonly float32: Spread;
  readonly bfloat16: Spread;
  /** bfloat16 less float32, mean over the seeds. */
  readonly difference: number;
  /** Whether bfloat16 is no worse by more than one standard deviation between the seeds of float32. */
  readonly isReached: boolean;
}

interface Spread {
  readonly mean: number;
  /** Between seeds, with one taken off their number. */
  readonly deviation: number;
}

/** Of the demonstration: three seeds in both precisions are to fit into ten minutes on two quiet cores. */
const STEPS = { vae: 100, unet: 150 } as const;
const QUICK_STEPS = { vae: 2, unet: 2 } as const;
const PRECISIONS = ['float32', 'bfloat16'] as const;

/**
 * Trains the demonstration's networks from each seed in both precisions, prints the losses, and returns whether bfloat16 reaches float32 in every stage.
 *
 * @throws MelstromError (engine) where the processor has no bfloat16
 */
export async function runPrecisionLosses(seeds: number, { context, folder, isQuick }: SideMeasure): Promise<boolean> {
  if (!supportsBfloat16()) {
    throw new MelstromError({ kind: 'engine', where: '--losses', got: 'an engine without bfloat16', expected: 'the native kernels and a processor with AVX512_BF16 or AMX' });
  }
  const losses: FinalLoss[] = [];
  const progress = context.reporter.startProgress('losses', seeds * PRECISIONS.length, 'runs');
  for (let seed = 1; seed <= seeds; seed += 1) {
    for (const precision of PRECISIONS) {
      losses.push(...(await trainOnce({ seed, precision, folder, steps: isQuick ? QUICK_STEPS : STEPS, signal: context.signal })));
      progress.update(losses.length / 2);
      if (context.signal.aborted) return false;
    }
  }
  progress.end();
  const comparisons = compareLosses(losses);
  context.print({ losses, comparisons }, lossLines(losses, comparisons));
  return comparisons.every(({ isReached }) => isReached);
}

interface Once {
  readonly seed: number;
  readonly precision: ConvPrecision;
  readonly folder: string;
  readonly steps: { readonly vae: number; readonly unet: number };
  readonly signal: AbortSignal;
}

async function trainOnce({ seed, precision, folder, steps, signal }: Once): Promise<FinalLoss[]> {
  const stages = (['vae', 'unet'] as const).flatMap((stage) => [`${stage}.training.steps=${steps[stage]}`, ...['validateEvery', 'checkpointEvery', 'previewEvery'].map((key) => `${stage}.training.${key}=${steps[stage]}`)]);
  const config = resolveOverrides(await loadRunConfig(DEMO), [`seed=${seed}`, `precision=${precision}`, ...stages]);
  const corpus = await prepareCorpus({ config, cacheFolder: join(folder, `cache-${seed}`) }); // the split is drawn from the seed
  try {
    const trained = await trainRun({ config, corpus, runFolder: join(folder, `${precision}-${seed}`), stage: 'all', resume: false, reporter: silentReporter, signal });
    return trained.stages.map(({ stage, validations }) => ({ stage, seed, precision, loss: validations[validations.length - 1]?.figures.loss ?? Number.NaN }));
  } finally {
    corpus.close();
  }
}

/** One comparison per stage, in their order. */
export function compareLosses(losses: readonly FinalLoss[]): LossComparison[] {
  return [...new Set(losses.map(({ stage }) => stage))].map((stage) => {
    const [float32, bfloat16] = PRECISIONS.map((precision) => spreadOf(losses.filter((one) => one.stage === stage && one.precision === precision).map(({ loss }) => loss)));
    const difference = bfloat16.mean - float32.mean;
    return { stage, float32, bfloat16, difference, isReached: difference <= float32.deviation };
  });
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) };
}

function lossLines(losses: readonly FinalLoss[], comparisons: readonly LossComparison[]): string[] {
  const text = ({ mean, deviation }: Spread): string => `${mean.toPrecision(4)} ± ${deviation.toPrecision(2)}`;
  return [
    ...losses.map(({ stage, seed, precision, loss }) => `${stage}, seed ${seed}, ${precision}: ${loss.toPrecision(5)}`),
    ...comparisons.map(({ stage, float32, bfloat16, difference, isReached }) =>
      `${stage}: validation loss ${text(float32)} in float32, ${text(bfloat16)} in bfloat16 (mean ± deviation between seeds); difference ${((100 * difference) / float32.mean).toFixed(2)} %, ${isReached ? 'no worse than' : 'WORSE BY MORE THAN'} what a seed changes`),
  ];
}
