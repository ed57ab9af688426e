// Runs one outside program and reports a failure with its last lines.
import { spawn } from 'node:child_process';

export interface ProgramResult {
  readonly status: number;
  readonly output: string;
}

/** Runs a program to its end; a program that can't be started has status 127. `onLine` sees each line of output. */
export function runProgram(
  command: string,
  args: readonly string[],
  { cwd, onLine }: { readonly cwd?: string; readonly onLine?: (line: string) => void } = {},
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
    let output = '';
    const collect = (chunk: Buffer): void => {
      const text = chunk.toString('utf8');
      output = (output + text).slice(-20_000);
      for (const line of text.split(/\r?\n|\r/)) if (line.trim() !== '') onLine?.(line.trim());
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ status: 127, output: error.message }));
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** The last lines of a program's output, for use in a message. */
export function lastLines(output: string, count = 3): string {
  return output.trim().split(/\r?\n/).slice(-count).join(' / ');
}

/** The first of the commands that answers `--version` (or the given arguments) with status 0; null when none does. */
export async function findProgram(candidates: readonly string[], args: readonly string[] = ['--version']): Promise<string | null> {
  for (const candidate of candidates) {
    if ((await runProgram(candidate, args)).status === 0) return candidate;
  }
  return null;
}
