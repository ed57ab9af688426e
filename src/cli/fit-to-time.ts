// Sets the steps of a training to what this machine does in a given time.
import type { Reporter } from '../base/logger.js';
import { deriveNetworks } from '../config/derive.js';
import { resolveOverrides, type RunConfig } from '../config/run-config.js';
import { convPrecision, setConvPrecision } from '../engine/ops/index.js';
import { createMeasuredUnet, createMeasuredVae, type MeasuredStep } from '../training/measured-steps.js';

export interface TimeBudget {
  /** Of all training together. */
  readonly minutes: number;
  /** Share of it that the autoencoder gets, 0 to 1; the UNet gets the rest. A stage without a share is left as it is. */
  readonly vaeShare: number;
  /** Share by which a stage may run over its time before it is stopped, where the machine turned out slower. Default 0. */
  readonly mayExceedBy?: number;
}

/** What reading data, validation and checkpoints cost on top of the bare steps that are timed. */
const OVERHEAD = 1.15;
const FEWEST_STEPS = 20;
const FEWEST_TIMED = 2; // on the wasm engine a step takes seconds
const TIMED_MS = 3000;
/** A class more or less costs nothing. */
const LABELS = 10;

/**
 * Times a few steps of each stage on random data, and sets steps, at most those configured, and the time limit from that: so the
 * learning rate falls to its end in the time given. Needs an engine in use.
 */
export async function fitToTime(config: RunConfig, { minutes, vaeShare, mayExceedBy = 0 }: TimeBudget, reporter: Reporter): Promise<RunConfig> {
  const shares = { vae: vaeShare, unet: 1 - vaeShare };
  const overrides: string[] = [];
  for (const stage of ['vae', 'unet'] as const) {
    const limit = minutes * shares[stage];
    if (limit === 0) continue;
    const seconds = await timeStep(config, stage);
    const configured = config[stage].training.steps;
    const steps = Math.min(configured, Math.max(FEWEST_STEPS, Math.floor((limit * 60) / (seconds * OVERHEAD))));
    overrides.push(`${stage}.training.steps=${steps}`, `${stage}.training.maxMinutes=${(limit * (1 + mayExceedBy)).toFixed(2)}`);
    reporter.log.info(`speed: ${seconds.toFixed(2)} s a step of the ${stage}; so ${steps} steps in about ${limit.toFixed(1)} minutes`);
    if (steps < configured / 4) reporter.log.info('that is far fewer than the configuration asks for: expect rougher sounds than on a faster machine or engine, or in more time');
  }
  return resolveOverrides(config, overrides);
}

/** Seconds of one step, at the precision of training. */
async function timeStep(config: RunConfig, stage: 'vae' | 'unet'): Promise<number> {
  const before = convPrecision();
  setConvPrecision(config.precision);
  try {
    return await medianSeconds(createStep(config, stage));
  } finally {
    setConvPrecision(before);
  }
}

/** Of several runs, after one that is not counted. Frees the step. */
async function medianSeconds(step: MeasuredStep<unknown>): Promise<number> {
  try {
    await step.run();
    const seconds: number[] = [];
    for (const startedAt = performance.now(); seconds.length < FEWEST_TIMED || performance.now() - startedAt < TIMED_MS; ) {
      const began = performance.now();
      await step.run();
      seconds.push((performance.now() - began) / 1000);
    }
    return seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)];
  } finally {
    step.dispose();
  }
}

/** The autoencoder's is without the discriminator, which joins late if at all. */
function createStep(config: RunConfig, stage: 'vae' | 'unet'): MeasuredStep<unknown> {
  const { vae, unet, mel } = config;
  const networks = deriveNetworks(config, LABELS);
  if (stage === 'unet') return createMeasuredUnet(networks.unet, networks.sampleShape, unet.training);
  return createMeasuredVae(networks.vae, { ...vae, melBins: mel.melBins, frames: vae.cropFrames ?? mel.frames, discriminator: null }, vae.training);
}
