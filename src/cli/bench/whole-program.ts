// A program that is timed from its start to its end, each time anew: what a user waits for.
import { spawn } from 'node:child_process';
import { MelstromError } from '../../base/errors.js';
import type { JobFacts } from './job.js';
import type { Measurable } from './measurable.js';
import { peakMegabytesOf } from './peak-memory.js';

export interface WholeProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly facts: JobFacts;
}

const LOOK_EVERY_MS = 20;
const KEPT_CHARACTERS = 4000;

/** Runs it once, which is not counted but fills the system's file cache, as the other side's first run does. */
export async function startWholeProgram(program: WholeProgram, signal?: AbortSignal): Promise<Measurable> {
  let peak: number | null = null;
  const run = (): Promise<number> => runOnce(program, { signal, onPeak: (megabytes) => (peak = Math.max(peak ?? 0, megabytes)) });
  const firstRunMilliseconds = await run();
  return { facts: program.facts, firstRunMilliseconds, run, peakMegabytes: () => peak, convolutionShare: async () => null, end: async () => undefined };
}

function runOnce({ name, command, args, env }: WholeProgram, { signal, onPeak }: { signal?: AbortSignal; onPeak: (megabytes: number) => void }): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env }, signal });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-KEPT_CHARACTERS)));
    const look = setInterval(() => {
      const megabytes = peakMegabytesOf(child.pid ?? 0);
      if (megabytes !== null) onPeak(megabytes); // it only rises, so that the last look before the end is near the whole
    }, LOOK_EVERY_MS);
    child.on('error', (error) => {
      clearInterval(look);
      reject(error);
    });
    child.on('close', (status, killedBy) => {
      clearInterval(look);
      if (status === 0) resolve(performance.now() - began);
      else reject(new MelstromError({ kind: 'internal', where: name, got: `an end with ${killedBy ?? `status ${status}`}`, expected: 'status 0', fix: `It said:\n${said.trim()}` }));
    });
  });
}
