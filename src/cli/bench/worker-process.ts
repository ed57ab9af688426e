// A job in a process of its own, ours or a peer's, that is told what to do by a file and answers line by line.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MelstromError } from '../../base/errors.js';
import type { Job, JobFacts } from './job.js';
import type { Measurable } from './measurable.js';
import { peakMegabytesOf } from './peak-memory.js';

/** A program that takes the file of a job as its last argument. */
export interface WorkerProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Answer {
  readonly first?: JobFacts;
  readonly ready?: boolean;
  readonly milliseconds?: number;
  readonly convolutionShare?: number | null;
  readonly error?: string;
}

const KEPT_CHARACTERS = 4000;

/**
 * Starts the program on a job and waits until it is warm.
 *
 * @throws MelstromError (internal) with the end of what it printed, when it ends or answers otherwise than expected
 */
export async function startWorker(program: WorkerProgram, job: Job, signal?: AbortSignal): Promise<Measurable> {
  const file = join(mkdtempSync(join(job.folder, 'job-')), 'job.json');
  writeFileSync(file, JSON.stringify(job));
  const began = performance.now();
  const child = spawn(program.command, [...program.args, file], { stdio: ['pipe', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  const ask = createAnswers(child, `${program.name}, job ${job.job}`);
  try {
    const facts = expected(program, 'first', (await ask()).first);
    const firstRunMilliseconds = performance.now() - began;
    expected(program, 'ready', (await ask()).ready);
    return {
      facts,
      firstRunMilliseconds,
      run: async () => expected(program, 'milliseconds', (await ask('run')).milliseconds),
      peakMegabytes: () => peakMegabytesOf(child.pid!),
      convolutionShare: async () => (await ask('profile')).convolutionShare ?? null,
      end: async () => {
        const ended = new Promise((settle) => child.once('close', settle));
        child.stdin!.end();
        if (child.exitCode === null) await ended;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function expected<T>({ name }: WorkerProgram, field: keyof Answer, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new MelstromError({ kind: 'internal', where: name, got: `an answer without '${field}'`, expected: 'one with it' });
}

/** Asks one line and resolves to the next answer. Anything on standard output that is no JSON object is passed over. */
function createAnswers(child: ChildProcess, where: string): (line?: string) => Promise<Answer> {
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  const early: Answer[] = [];
  let said = '';
  let failure: Error | null = null;
  child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-KEPT_CHARACTERS)));
  child.stdin!.on('error', () => undefined); // a process that has ended is reported by its end
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    const answer = JSON.parse(line) as Answer;
    const next = waiting.shift();
    if (next === undefined) early.push(answer);
    else if (answer.error !== undefined) next.reject(new MelstromError({ kind: 'internal', where, got: answer.error }));
    else next.resolve(answer);
  });
  const fail = (got: string): void => {
    failure ??= new MelstromError({ kind: 'internal', where, got, expected: 'answers', fix: `It said:\n${said.trim()}` });
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  child.on('error', ({ message }) => fail(message));
  child.on('close', (status, killedBy) => fail(`an end with ${killedBy ?? `status ${status}`}`));
  return (line) => {
    if (line !== undefined) child.stdin!.write(`${line}\n`);
    const answer = early.shift();
    if (answer !== undefined) return Promise.resolve(answer);
    if (failure !== null) return Promise.reject(failure);
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
}
