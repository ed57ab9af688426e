// Sets the steps of a training to what this machine does in a given time.
import type { Reporter } from '../base/logger.js';
import { deriveNetworks } from '../config/derive.js';
import { resolveOverrides, type RunConfig } from '../config/run-config.js';
import { convPrecision, setConvPrecision } from '../engine/ops/index.js';
import { createMeasuredUnet, createMeasuredVae, type MeasuredStep } from '../training/measured-steps.js';
import { timeSteps, type StepTimes, type TimedStep } from './time-steps.js';

export interface TimeBudget {
  /** Of all training together. */
  readonly minutes: number;
  /** Share of it that the autoencoder gets, 0 to 1; the UNet gets the rest. A stage without a share is left as it is. */
  readonly vaeShare: number;
  /** Share by which a stage may run over its time before it is stopped, where the machine turned out slower. Default 0. */
  readonly mayExceedBy?: number;
}

type FittedStage = 'vae' | 'unet';

export interface FitOptions {
  readonly reporter: Reporter;
  /** Unit: milliseconds. */
  readonly now?: () => number;
  /** Makes the step that is timed, which is freed afterwards. Default: a step of training on random data. */
  readonly createStep?: (config: RunConfig, stage: FittedStage) => TimedStep;
}

/** What reading data, validation, checkpoints and slower steps cost on top of the fastest of the bare steps that are timed. */
const OVERHEAD = 1.2;
const FEWEST_STEPS = 20;
/** Where not even so many steps fit, more of them with smaller batches teach a network more. */
const FEW_STEPS = 150;
const SMALLEST_BATCH = 2;
/** A class more or less costs nothing. */
const LABELS = 10;

/**
 * Times a few steps of each stage, and sets steps, at most those configured, and the time limit from the fastest: so the learning rate
 * falls to its end in the time given, and a machine that is busy while this is measured costs no steps. Where it stays busy, the time limit
 * ends a stage. On an engine so slow that few steps fit, batches are smaller than configured too. Needs an engine in use.
 */
export async function fitToTime(config: RunConfig, { minutes, vaeShare, mayExceedBy = 0 }: TimeBudget, { reporter, now, createStep = createTrainingStep }: FitOptions): Promise<RunConfig> {
  const shares = { vae: vaeShare, unet: 1 - vaeShare };
  const stages = (['vae', 'unet'] as const).filter((stage) => shares[stage] > 0);
  const times = await timeStages(config, { stages, createStep, now });
  const overrides = stages.flatMap((stage, index) => {
    const seconds = times[index].fastest * OVERHEAD;
    const limit = minutes * shares[stage];
    const { steps: configured, batchSize: configuredBatch } = config[stage].training;
    const fitting = (limit * 60) / seconds;
    const batchSize = fitting >= Math.min(FEW_STEPS, configured) ? configuredBatch : Math.min(configuredBatch, Math.max(SMALLEST_BATCH, Math.ceil((configuredBatch * fitting) / FEW_STEPS)));
    const share = batchSize / configuredBatch; // of a step's time, about
    const steps = Math.min(configured, Math.max(FEWEST_STEPS, Math.floor(fitting / share)));
    const maxMinutes = (limit * (1 + mayExceedBy)).toFixed(2);
    const scaled = { fastest: times[index].fastest * share, median: times[index].median * share };
    for (const line of describeFit({ stage, steps, configured, times: scaled, maxMinutes: Number(maxMinutes), batches: batchSize === configuredBatch ? '' : ` with batches of ${batchSize} instead of ${configuredBatch}` })) reporter.log.info(line);
    return [`${stage}.training.steps=${steps}`, `${stage}.training.maxMinutes=${maxMinutes}`, `${stage}.training.batchSize=${batchSize}`];
  });
  return resolveOverrides(config, overrides);
}

interface Fit {
  readonly stage: FittedStage;
  readonly steps: number;
  readonly configured: number;
  readonly times: StepTimes;
  readonly maxMinutes: number;
  /** What is said of smaller batches. */
  readonly batches: string;
}

/** What to expect, at the fastest and, where that makes a difference, at the pace of the median. */
function describeFit({ stage, steps, configured, times: { fastest, median }, maxMinutes, batches }: Fit): string[] {
  const reached = Math.floor((maxMinutes * 60) / (median * OVERHEAD));
  return [
    `speed: ${fastest.toFixed(2)} s a step of the ${stage}${batches}; so ${steps} steps in about ${((steps * fastest * OVERHEAD) / 60).toFixed(1)} minutes`,
    ...(reached < steps ? [`half of the timed steps took ${median.toFixed(2)} s or more: should the machine stay that busy, the time limit of ${maxMinutes.toFixed(1)} minutes ends the ${stage} at about step ${reached}`] : []),
    ...(steps < configured / 4 ? ['that is far fewer than the configuration asks for: expect rougher sounds than on a faster machine or engine, or in more time'] : []),
  ];
}

interface Timing {
  readonly stages: readonly FittedStage[];
  readonly createStep: NonNullable<FitOptions['createStep']>;
  readonly now: FitOptions['now'];
}

/** At the precision of training. Frees the steps. */
async function timeStages(config: RunConfig, { stages, createStep, now }: Timing): Promise<StepTimes[]> {
  const before = convPrecision();
  setConvPrecision(config.precision);
  const steps: TimedStep[] = [];
  try {
    for (const stage of stages) steps.push(createStep(config, stage));
    return await timeSteps(steps, now);
  } finally {
    for (const step of steps) step.dispose();
    setConvPrecision(before);
  }
}

/** The autoencoder's is without discriminator and texture, which join late if at all. */
function createTrainingStep(config: RunConfig, stage: FittedStage): MeasuredStep<unknown> {
  const { vae, unet, mel } = config;
  const networks = deriveNetworks(config, LABELS);
  if (stage === 'unet') return createMeasuredUnet(networks.unet, networks.sampleShape, unet.training);
  return createMeasuredVae(networks.vae, { ...vae, melBins: mel.melBins, frames: vae.cropFrames ?? mel.frames, discriminator: null }, vae.training);
}
