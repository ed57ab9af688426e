// The training loop, the only one: gradients, clipping, AdamW, average, and at intervals validation, previews, checkpoints.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Progress, Reporter } from '../base/logger.js';
import type { TrainingConfig } from '../config/training.js';
import { disposeGradients, globalNorm } from '../nn/index.js';
import { learningRateShare } from './learning-rate.js';
import type { Figures, Pass, StageResult, StageStatus, ValidationRecord } from './stage.js';
import type { Trainer } from './trainer-state.js';
import { describeValidation, stoppedImproving } from './validation-history.js';

/** Where a run stands: all that the loop itself remembers. */
export interface LoopPosition {
  /** Optimiser steps done. */
  readonly step: number;
  readonly elapsedSeconds: number;
  readonly validations: readonly ValidationRecord[];
}

/** What happens at intervals; each is given by whoever wires the run. */
export interface LoopHooks {
  save(position: LoopPosition): Promise<void>;
  log(step: number, figures: Readonly<Record<string, number>>): void;
  /** Runs with the average in place of the weights. */
  preview?(step: number): Promise<void>;
}

export interface LoopOptions {
  readonly training: TrainingConfig;
  readonly seed: number;
  readonly start: LoopPosition;
  readonly hooks: LoopHooks;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  /** Unit: milliseconds. */
  readonly now?: () => number;
}

/**
 * Trains until `steps`, the time limit or the signal; always saves before it returns.
 *
 * @throws MelstromError (numeric) naming step, seed and slices when loss or gradients are not finite; nothing is saved then,
 *   so the last checkpoint is the last good one.
 */
export async function runLoop(trainer: Trainer, options: LoopOptions): Promise<StageResult> {
  const { training, seed, start, hooks, reporter, signal, now = () => performance.now() } = options;
  const { stage, ema } = trainer;
  const validations = [...start.validations];
  const limitSeconds = (training.maxMinutes ?? Infinity) * 60;
  const began = now();
  const elapsed = (): number => start.elapsedSeconds + (now() - began) / 1000;
  const progress = reporter.startProgress(`training ${stage.name}`, training.steps, 'steps');
  let step = start.step;
  let savedStep = start.step;
  let stepSeconds = 0;
  const save = async (): Promise<void> => {
    if (savedStep !== step) await hooks.save({ step, elapsedSeconds: elapsed(), validations });
    savedStep = step;
  };
  const isAborted = (): boolean => signal?.aborted === true;
  const statusNow = (): StageStatus | null => {
    if (step >= training.steps) return 'finished';
    if (isAborted()) return 'interrupted';
    return elapsed() >= limitSeconds ? 'time-limit' : null;
  };

  try {
    let status = statusNow();
    while (status === null && !isAborted()) {
      const stepBegan = now();
      const share = learningRateShare(step, training);
      const { figures, norm } = await takeStep(trainer, { training, seed, step, share });
      ema.update(step);
      step += 1;
      stepSeconds += (now() - stepBegan) / 1000;

      status = statusNow();
      const isLast = status === 'finished' || status === 'time-limit';
      const rate = (step - start.step) / stepSeconds;
      showProgress(progress, { step, figures, rate, training, secondsLeft: limitSeconds - elapsed() });
      hooks.log(step, { ...prefixed('train', figures), 'train/gradientNorm': norm, 'train/learningRate': training.learningRate * share, 'train/stepsPerSecond': rate });
      if (isLast || step % training.validateEvery === 0) {
        const record = { step, figures: await ema.withEma(() => stage.validate()) };
        validations.push(record);
        hooks.log(step, prefixed('validation', record.figures));
        reporter.log.info(`${stage.name}: ${describeValidation(validations)}`);
        const message = stoppedImproving(validations, training.patience);
        if (message !== null) reporter.log.info(`${stage.name}: ${message}`);
      }
      if (isLast || step % training.checkpointEvery === 0) await save(); // before previews: one that fails loses nothing
      if (hooks.preview && (isLast || step % training.previewEvery === 0)) await ema.withEma(() => hooks.preview!(step));
      await tf.nextFrame(); // lets signals and timers in
    }
    await save();
    const stepsPerSecond = stepSeconds > 0 ? (step - start.step) / stepSeconds : null;
    return { stage: stage.name, status: status ?? 'interrupted', step, elapsedSeconds: elapsed(), stepsPerSecond, validations };
  } finally {
    progress.end();
  }
}

/** One optimiser step: `accumulate` passes, the mean of their gradients, clipped, checked, applied. */
async function takeStep(trainer: Trainer, { training, seed, step, share }: { training: TrainingConfig; seed: number; step: number; share: number }): Promise<{ figures: Figures; norm: number }> {
  const { stage, optimiser } = trainer;
  const { accumulate, gradientClip, learningRate } = training;
  const passes: Pass[] = [];
  for (let part = 0; part < accumulate; part += 1) {
    const next = await stage.pass({ step, pass: step * accumulate + part });
    passes.push(passes.length === 0 ? next : { ...next, gradients: added(passes[passes.length - 1], next) });
  }
  const { gradients } = passes[passes.length - 1];
  try {
    const normTensor = globalNorm(gradients);
    const norm = normTensor.dataSync()[0] / accumulate;
    normTensor.dispose();
    const figures = meanFigures(passes.map((pass) => pass.figures));
    requireFinite({ figures, norm, step, seed, stage: stage.name, indices: passes.flatMap(({ indices }) => Array.from(indices)) });
    const clip = Math.min(1, gradientClip / (norm + 1e-12));
    optimiser.step(gradients, learningRate * share, clip / accumulate);
    stage.afterStep?.({ step, learningRateShare: share });
    return { figures, norm };
  } finally {
    disposeGradients(gradients);
  }
}

/** Sums two passes' gradients by path. Memory: frees both. */
function added({ gradients: sum }: Pass, { gradients }: Pass): ReadonlyMap<string, tf.Tensor> {
  const paths = new Set([...sum.keys(), ...gradients.keys()]);
  return new Map([...paths].map((path) => {
    const [a, b] = [sum.get(path), gradients.get(path)];
    if (a === undefined || b === undefined) return [path, (a ?? b)!];
    const both = tf.add(a, b);
    tf.dispose([a, b]);
    return [path, both];
  }));
}

function requireFinite(found: { figures: Figures; norm: number; step: number; seed: number; stage: string; indices: readonly number[] }): void {
  const { figures, norm, step, seed, stage, indices } = found;
  const bad = Object.entries({ ...figures, 'gradient norm': norm }).filter(([, value]) => !Number.isFinite(value));
  if (bad.length === 0) return;
  throw new MelstromError({
    kind: 'numeric',
    where: `${stage}, step ${step}, seed ${seed}, batch of slices [${indices.join(', ')}]`,
    got: bad.map(([name, value]) => `${name} ${value}`).join(', '),
    expected: 'finite numbers',
    fix: `The last checkpoint is as it was: resume from it with a lower ${stage}.training.learningRate, or look at the slices named.`,
  });
}

function meanFigures(list: readonly Figures[]): Figures {
  const mean = { ...list[0] } as Record<string, number>;
  for (const name of Object.keys(mean)) mean[name] = list.reduce((sum, figures) => sum + figures[name], 0) / list.length;
  return mean as unknown as Figures;
}

function prefixed(prefix: string, figures: Figures): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}/${name}`, value]));
}

function showProgress(progress: Progress, now: { step: number; figures: Figures; rate: number; training: TrainingConfig; secondsLeft: number }): void {
  const { step, figures, rate, training, secondsLeft } = now;
  const left = Math.min((training.steps - step) / rate, Math.max(0, secondsLeft));
  progress.update(step, { loss: figures.loss.toPrecision(4), rate: `${rate.toFixed(2)} steps/s`, left: clockText(left) });
}

function clockText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${twoDigits(rest)}` : `${minutes}:${twoDigits(rest)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
