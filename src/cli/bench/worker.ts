// Our side of a bench row, in a process of its own: the counterpart of tests/bench/peer.py, told and asked in the same lines.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { convPrecision, setConvPrecision } from '../../engine/ops/index.js';
import { productShare, recordProfile } from '../../engine/profile.js';
import { startEngine } from '../../engine/start.node.js';
import { reportError } from '../report-error.js';
import type { Job, JobName, RunningJob } from './job.js';
import { largeCorpus } from './jobs/large-corpus.js';
import { unetStep, vaeStep } from './jobs/networks.js';
import { sample } from './jobs/sampling.js';
import { invert, mel, prepare } from './jobs/signals.js';

type OwnFacts = Pick<RunningJob['facts'], 'threads' | 'versions'>;
type SetUp<N extends JobName> = (job: Job<N>, facts: OwnFacts) => Promise<RunningJob>;

/** A run of this length is timed from the second on, a shorter one from the third. tests/bench/peer.py has the same. */
const LONG_RUN_MS = 5000;

/** All but what only a peer does. */
const JOBS: { readonly [N in Exclude<JobName, 'make-sounds'>]: SetUp<N> } = { 'unet-step': unetStep, 'vae-step': vaeStep, sample, mel, invert, prepare, 'large-corpus': largeCorpus };

/** Sets the job up, says what the first run came to, and answers `run` and `profile` until the input ends. */
async function serve(job: Job): Promise<void> {
  const engine = await startEngine(job.engine);
  if ('precision' in job) setConvPrecision(job.precision);
  const versions = `${engine.name} ${engine.version}${engine.hasFusedKernels ? ' with fused kernels' : ''}${'precision' in job ? `, ${convPrecision()}` : ''}`;
  const { facts, run, isOnce = false } = await (JOBS as Partial<Record<JobName, SetUp<never>>>)[job.job]!(job as never, { threads: engine.threads, versions });
  const began = performance.now();
  answer({ first: { ...facts, value: await run() } });
  // What only the first runs pay for is not counted, on either side; in a long run it is lost among the rest.
  if (!isOnce && performance.now() - began < LONG_RUN_MS) await run();
  answer({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'run') answer({ milliseconds: await turn(run, job.turnMilliseconds) });
    else if (line === 'profile') answer({ convolutionShare: await shareOfProducts(run) });
    else answer({ error: `got '${line}', expected run or profile` });
  }
}

/** The mean time of as many runs as fill a turn. */
async function turn(run: RunningJob['run'], milliseconds: number): Promise<number> {
  const began = performance.now();
  let count = 0;
  for (; count === 0 || performance.now() - began < milliseconds; count += 1) await run();
  return (performance.now() - began) / count;
}

async function shareOfProducts(run: RunningJob['run']): Promise<number> {
  const recording = recordProfile();
  await run();
  return productShare(recording.stop());
}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

try {
  await serve(JSON.parse(readFileSync(process.argv[2], 'utf8')) as Job);
} catch (error) {
  process.exitCode = reportError(error);
}
