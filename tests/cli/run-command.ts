// Runs a command as the terminal would, in this process: what it prints, and the status it ends with.
import { expect, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { reportError } from '../../src/cli/report-error.js';

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs `melstrom` with these words. The process' own exit status and its listeners for signals are put back. */
export function runCommand(...words: readonly string[]): Promise<CommandResult> {
  return run(words, () => false);
}

/** Runs `melstrom` and presses Ctrl-C once when what it has printed matches and it listens. */
export function interruptCommand(pattern: RegExp, ...words: readonly string[]): Promise<CommandResult> {
  return run(words, (text) => pattern.test(text));
}

async function run(words: readonly string[], isTimeToInterrupt: (text: string) => boolean): Promise<CommandResult> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  const listeners = SIGNALS.map((name) => process.listeners(name));
  const ownListeners = (name: (typeof SIGNALS)[number]) => process.listeners(name).filter((one) => !listeners[SIGNALS.indexOf(name)].includes(one));
  const watch = setInterval(() => {
    const [interrupt] = ownListeners('SIGINT');
    if (interrupt === undefined || !isTimeToInterrupt(printed.stdout + printed.stderr)) return;
    clearInterval(watch);
    interrupt('SIGINT');
  }, 2);
  process.exitCode = 0;
  const program = createProgram();
  try {
    await program.parseAsync(['node', 'melstrom', ...words]);
  } catch (error) {
    process.exitCode = reportError(error, program);
  } finally {
    clearInterval(watch);
    for (const spy of spies) spy.mockRestore();
    for (const name of SIGNALS) for (const one of ownListeners(name)) process.off(name, one);
  }
  const status = Number(process.exitCode);
  process.exitCode = before;
  return { status, ...printed };
}

/** Runs with --json; what is on standard output must be one JSON text and nothing else. */
export async function runJson<T = Record<string, unknown>>(...words: string[]): Promise<CommandResult & { value: T }> {
  const result = await runCommand(...words, '--json');
  expect(result.status, result.stderr).toBe(0);
  return { ...result, value: JSON.parse(result.stdout) as T };
}

/** Runs what must be refused: nothing on standard output, words of our own on the other. */
export async function refusal(...words: string[]): Promise<CommandResult> {
  const result = await runCommand(...words);
  expect(result.status, result.stdout).not.toBe(0);
  expect(result.stdout).toBe('');
  expect(result.stderr).not.toContain('internal error');
  return result;
}
