// Measures one row: starts both sides, sees that they do the same work, and times them in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MelstromError } from '../../base/errors.js';
import { packageRoot } from '../../engine/setup/package-root.node.js';
import { runProgram } from '../../engine/setup/run-program.node.js';
import type { Job, JobFacts, JobPlan } from './job.js';
import { pipelineFolder } from './jobs/sampling.js';
import type { Measurable } from './measurable.js';
import { measurePairs, median, ratioOf } from './pairs.js';
import { MEMORY_LIMITS, type BenchRow, type GenerateRow, type JobRow } from './rows.js';
import type { Measured } from './table.js';
import { startWholeProgram } from './whole-program.js';
import { startWorker, type WorkerProgram } from './worker-process.js';

/** What all rows of one call have in common. */
export interface BenchContext {
  /** A folder that goes away afterwards. */
  readonly folder: string;
  readonly threads: number;
  readonly pairs: number;
  readonly turnMilliseconds: number;
  /** Both sides' networks run on the GPU. */
  readonly isOnGpu: boolean;
  /** The Python to compare with; null measures our side alone. */
  readonly python: string | null;
  /** Folder of the peers' scripts. */
  readonly peers: string;
  readonly signal: AbortSignal;
}

/** Compiled, whatever runs this. */
const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');
/** Our side of every job. */
export const OURS: WorkerProgram = { name: 'our side', command: process.execPath, args: [join(packageRoot, 'dist', 'cli', 'bench', 'worker.js')] };

/** The lines of one row. @throws MelstromError when a side fails, or both do not do the same */
export async function runRow(row: BenchRow, context: BenchContext): Promise<Measured[]> {
  const folder = mkdtempSync(join(context.folder, 'row-'));
  try {
    return await (row.kind === 'generate' ? runGenerate(row, folder, context) : runJobs(row, folder, context));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runJobs(row: JobRow, folder: string, context: BenchContext): Promise<Measured[]> {
  if (row.needsSounds !== undefined) await makeSounds(row, folder, context);
  const peer = row.program === 'melstrom' ? OURS : peerProgram(context);
  // Sounds, weights and inputs are written by our side before the peer starts; between engines each has its own folder.
  const ours = await startWorker(OURS, jobOf(row.ours, folder, context), context.signal);
  let theirs: Measurable | null = null;
  try {
    theirs = peer === null ? null : await startWorker(peer, jobOf(row.theirs, row.program === 'melstrom' ? mkdtempSync(join(folder, 'other-')) : folder, context), context.signal);
    if (theirs !== null) requireSameWork(row, ours.facts, theirs.facts);
    const share = row.hasShare ? await ours.convolutionShare() : null;
    return await measure(row, { ours, theirs, share }, context);
  } finally {
    await Promise.all([ours.end(), theirs?.end()]);
  }
}

function jobOf(plan: JobPlan, folder: string, { threads, turnMilliseconds, isOnGpu }: BenchContext): Job {
  return { engine: 'auto', ...plan, folder, threads, turnMilliseconds, isOnGpu } as Job;
}

function peerProgram({ python, peers }: BenchContext): WorkerProgram | null {
  return python === null ? null : { name: 'the peer', command: python, args: [join(peers, 'peer.py')] };
}

async function makeSounds({ needsSounds, ours }: JobRow, folder: string, context: BenchContext): Promise<void> {
  const peer = peerProgram(context);
  if (peer === null) throw new MelstromError({ kind: 'usage', where: 'row', got: 'no Python environment', expected: 'one, since soundfile writes the compressed sounds that both sides read', fix: 'Add --with-peers.' });
  const { sounds } = ours as JobPlan<'prepare'>;
  await (await startWorker(peer, { job: 'make-sounds', ...needsSounds!, sounds, folder, threads: 1, engine: 'auto', turnMilliseconds: 0 }, context.signal)).end();
}

/** @throws MelstromError (numeric) when parameters, threads or first results differ */
export function requireSameWork({ tolerance }: Pick<JobRow, 'tolerance'>, ours: JobFacts, theirs: JobFacts): void {
  const differ = (what: string, got: string): MelstromError => new MelstromError({ kind: 'numeric', where: what, got, expected: 'the same on both sides, or their times say nothing' });
  if (ours.parameters !== theirs.parameters) throw differ('parameters', `${ours.parameters} here and ${theirs.parameters} there`);
  if (tolerance === null || ours.value === null || theirs.value === null) return;
  const error = Math.abs(ours.value - theirs.value) / Math.abs(theirs.value);
  if (!(error <= tolerance)) throw differ('first result', `${ours.value} here and ${theirs.value} there`);
}

function notesOf(ours: JobFacts, theirs: JobFacts | null): string[] {
  const both = (name: string, own: number | null, other: number | null, text: (value: number) => string): string[] =>
    own === null ? [] : [`${name} ${text(own)}${other === null ? '' : ` and ${text(other)}`}`];
  return [
    [
      ...both('parameters', ours.parameters, theirs?.parameters ?? null, (value) => value.toLocaleString('en')),
      ...both('first result', ours.value, theirs?.value ?? null, (value) => value.toPrecision(6)),
      ...both('threads', ours.threads, theirs?.threads ?? null, String),
    ].join('; '),
    `${ours.versions}${theirs === null ? '' : `; against ${theirs.versions}`}`,
  ];
}

/** Times, then peaks of memory, then first runs: a line each. */
async function measure(row: JobRow, { ours, theirs, share }: { ours: Measurable; theirs: Measurable | null; share: number | null }, { pairs }: BenchContext): Promise<Measured[]> {
  const { name, unit, peer, reach, aim } = row;
  const scale = unit === 's' ? 1000 : 1;
  const figures = theirs === null ? { ours: await repeated(() => ours.run(), pairs), theirs: null } : await measurePairs({ ours: () => ours.run(), theirs: () => theirs.run() }, pairs);
  const time = timeLine({ name, unit, peer, notes: notesOf(ours.facts, theirs?.facts ?? null), limits: { reach, aim }, figures, scale });
  const lines: Measured[] = [share === null ? time : { ...time, share }];
  if (row.hasMemory) lines.push(...memoryLine(name, peer, ours, theirs));
  if (row.hasFirstRun) {
    const first = { ours: [ours.firstRunMilliseconds], theirs: theirs && [theirs.firstRunMilliseconds] };
    lines.push(timeLine({ name: `${name}: first, from the start of the process`, unit: 's', peer, notes: [], limits: null, figures: first, scale: 1000 }));
  }
  return lines;
}

interface TimeLine {
  readonly name: string;
  readonly unit: 'ms' | 's';
  readonly peer: string;
  readonly notes: readonly string[];
  readonly limits: { readonly reach: number; readonly aim: number } | null;
  readonly figures: { readonly ours: readonly number[]; readonly theirs: readonly number[] | null };
  readonly scale: number;
}

function timeLine({ name, unit, peer, notes, limits, figures: { ours, theirs }, scale }: TimeLine): Measured {
  return {
    name, unit, peer, notes, ours: median(ours) / scale, theirs: theirs && median(theirs) / scale,
    ratio: theirs && ratioOf({ ours, theirs }), reach: limits?.reach ?? null, aim: limits?.aim ?? null,
  };
}

function memoryLine(name: string, peer: string, ours: Measurable, theirs: Measurable | null): Measured[] {
  const [own, other] = [ours.peakMegabytes(), theirs?.peakMegabytes() ?? null];
  if (own === null) return [];
  const ratio = other === null ? null : { median: own / other, lowest: own / other, highest: own / other };
  return [{ name: `${name}: peak memory`, unit: 'MB', peer, notes: [], ours: own, theirs: other, ratio, ...MEMORY_LIMITS }];
}

async function repeated(run: () => Promise<number>, count: number): Promise<number[]> {
  const figures: number[] = [];
  for (let index = 0; index < count; index += 1) figures.push(await run());
  return figures;
}

async function runGenerate({ name, peer, plan, reach, aim, hasFirstStep }: GenerateRow, folder: string, context: BenchContext): Promise<Measured[]> {
  const { threads, python, peers, signal, pairs } = context;
  await (await startWorker(OURS, { ...(jobOf({ ...plan, steps: 1, clips: 1, isCalm: true }, folder, context) as Job<'sample'>) }, signal)).end(); // leaves the pipeline
  const pipeline = pipelineFolder(folder);
  const facts = { value: null, parameters: null, threads, versions: '' };
  const words = ['generate', pipeline, '--count', String(plan.clips), '--steps', String(plan.steps), '--guidance', String(plan.guidance), '--precision', plan.precision, '--out', join(folder, 'clips'), '--force'];
  const ours = await startWholeProgram({ name: 'melstrom generate', command: process.execPath, args: [MAIN, ...words, '--quiet'], facts }, signal);
  const script = [join(peers, 'generate.py'), pipeline, join(folder, 'peer-clips'), ...[plan.clips, plan.steps, plan.guidance, threads].map(String)];
  const theirs = python === null ? null : await startWholeProgram({ name: 'generate.py', command: python, args: script, facts }, signal);
  const figures = theirs === null ? { ours: await repeated(() => ours.run(), pairs), theirs: null } : await measurePairs({ ours: () => ours.run(), theirs: () => theirs.run() }, pairs);
  return [
    timeLine({ name, unit: 's', peer, notes: [], limits: { reach, aim }, figures, scale: 1000 }),
    ...memoryLine(name, peer, ours, theirs),
    ...(hasFirstStep ? [await firstStepLine(words, pairs)] : []),
  ];
}

/** The wanted time from the start of the process to the first denoising step. Unit: ms. */
const FIRST_STEP_AIM = 3000;

/** The median of several starts. */
async function firstStepLine(words: readonly string[], count: number): Promise<Measured> {
  const milliseconds = median(await repeated(() => firstStepMilliseconds(words), count));
  const note = `${milliseconds < FIRST_STEP_AIM ? 'within' : 'MORE THAN'} the ${FIRST_STEP_AIM / 1000} s that are the aim`;
  return { name: 'generate: first denoising step of a clip, from the start of the process', unit: 's', ours: milliseconds / 1000, theirs: null, peer: 'alone', ratio: null, reach: null, aim: null, notes: [note] };
}

async function firstStepMilliseconds(words: readonly string[]): Promise<number> {
  const { stdout, stderr, status } = await runProgram(process.execPath, [MAIN, ...words, '--count', '1', '--steps', '2', '--profile', '--json', '--quiet']);
  if (status !== 0) throw new MelstromError({ kind: 'internal', where: 'melstrom generate --profile', got: `status ${status}`, fix: stderr });
  return (JSON.parse(stdout) as { profile: { firstStepMilliseconds: number } }).profile.firstStepMilliseconds;
}
