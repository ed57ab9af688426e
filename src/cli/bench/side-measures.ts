// What `bench` measures beside its table: how cost grows, and whether a corpus of many hours stays within memory.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandContext } from '../context.js';
import { growthLines, growthPlans, growthPlot, measureGrowth, type GrowthPoint } from './growth.js';
import { requireDisk, writeLargeCorpus } from './jobs/large-corpus.js';
import { DEMO } from './rows.js';
import { startWorker, type WorkerProgram } from './worker-process.js';

export interface SideMeasure {
  readonly program: WorkerProgram;
  readonly context: CommandContext;
  readonly folder: string;
  readonly threads: number;
  readonly turnMilliseconds: number;
  /** Fewer points and steps, to see that it works. */
  readonly isQuick: boolean;
}

/** Measures every point, writes the plot, and prints the points. */
export async function runGrowth(out: string, { program, context, folder, threads, turnMilliseconds, isQuick }: SideMeasure): Promise<void> {
  const { reporter, signal, print } = context;
  const plans = growthPlans(isQuick);
  const points: GrowthPoint[] = [];
  const progress = reporter.startProgress('growth', plans.length, 'points');
  for (const plan of plans) {
    points.push(await measureGrowth(plan, { program, folder, threads, turnMilliseconds, signal }));
    progress.update(points.length);
  }
  progress.end();
  writeFileSync(out, growthPlot(points, `UNet training step of the drum configuration, ${threads} threads`));
  print({ out, points }, [...growthLines(points), `plot: ${out}`]);
}

/** Of resident memory, for a corpus of any length. */
const LARGEST_MEGABYTES = 2000;

/** Writes the corpus, makes it ready and trains on it. Returns whether memory stayed within its limit; null where the system does not tell. */
export async function runLargeCorpus(hours: number, { program, context, folder, threads, isQuick }: SideMeasure): Promise<boolean | null> {
  const { reporter, signal, print } = context;
  const sampleRateHz = 22_050; // the demonstration's
  requireDisk(folder, { hours, sampleRateHz });
  const sounds = join(folder, 'sounds');
  mkdirSync(sounds);
  reporter.log.info(`writing ${hours} hours of sound …`);
  await writeLargeCorpus(sounds, { hours, sampleRateHz });
  const count = isQuick ? 1 : 20;
  const steps = ['vae', 'unet'].flatMap((stage) => [`${stage}.training.steps=${count}`, `${stage}.training.warmupSteps=0`, `${stage}.training.validateEvery=${count}`, `${stage}.training.checkpointEvery=${count}`]);
  reporter.log.info('slicing it, training the autoencoder, making all latents, training the UNet …');
  const worker = await startWorker(program, { job: 'large-corpus', config: DEMO, overrides: [`corpus.path=${JSON.stringify(sounds)}`, ...steps], folder, threads, engine: 'auto', turnMilliseconds: 0 }, signal);
  const megabytes = worker.peakMegabytes();
  await worker.end();
  const isWithin = megabytes === null ? null : megabytes <= LARGEST_MEGABYTES;
  print({ hours, slices: worker.facts.value, seconds: worker.firstRunMilliseconds / 1000, megabytes, isWithin }, [
    `${hours} hours, ${worker.facts.value} slices: ${(worker.firstRunMilliseconds / 1000).toFixed(0)} s, ${megabytes === null ? 'peak of memory not known on this system' : `at most ${megabytes.toFixed(0)} MB resident, ${isWithin ? 'within' : 'MORE THAN'} ${LARGEST_MEGABYTES} MB`}`,
  ]);
  return isWithin;
}
