// `--profile`: records while a job runs, and notes when its first step was done.
import { performance } from 'node:perf_hooks';
import type { Reporter } from '../base/logger.js';
import { recordProfile } from '../engine/profile.js';
import { describeProfile, reportProfile, type ProfileReport } from './describe-profile.js';

export interface ProfilingOptions {
  /** Off, the job runs as it is and nothing is added. */
  readonly isOn: boolean;
  readonly reporter: Reporter;
  /** Beginning of the title of the progress whose first update is the first step. */
  readonly title: string;
}

/** What a job returned, and what a command adds to its result and to its lines. */
export interface Profiled<T> {
  readonly value: T;
  readonly fields: { readonly profile?: ProfileReport };
  readonly lines: readonly string[];
}

/** Runs a job with a reporter that is watched for the first step. The engine is as before afterwards, whatever happens. */
export async function profiled<T>({ isOn, reporter, title }: ProfilingOptions, job: (reporter: Reporter) => Promise<T>): Promise<Profiled<T>> {
  if (!isOn) return { value: await job(reporter), fields: {}, lines: [] };
  let firstStepMilliseconds: number | null = null;
  const note = (): void => void (firstStepMilliseconds ??= performance.now()); // counts from the start of the process
  const loop = performance.eventLoopUtilization();
  const recording = recordProfile();
  try {
    const value = await job(watched(reporter, title, note));
    const { idle } = performance.eventLoopUtilization(loop);
    const profile = reportProfile(recording.stop(), { idleMilliseconds: idle, firstStepMilliseconds });
    return { value, fields: { profile }, lines: describeProfile(profile) };
  } finally {
    recording.stop();
  }
}

function watched({ log, startProgress }: Reporter, title: string, note: () => void): Reporter {
  return {
    log,
    startProgress(name, total, unit) {
      const progress = startProgress(name, total, unit);
      if (!name.startsWith(title)) return progress;
      return {
        update(done, figures) {
          note();
          progress.update(done, figures);
        },
        end: () => progress.end(),
      };
    },
  };
}
