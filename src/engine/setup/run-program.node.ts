// Runs one outside program to its end and keeps what it printed.
import { spawn } from 'node:child_process';

const KEPT_CHARACTERS = 20_000;

export interface ProgramResult {
  /** Exit status; 127 when the program could not be started. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Sees each complete line of standard output. */
  readonly onLine?: (line: string) => void;
}

/** Runs a program. Never throws: a program that can't be started has status 127. */
export function runProgram(command: string, args: readonly string[], { cwd, env, onLine }: ProgramOptions = {}): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let line = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const text = chunk.toString('utf8');
      stdout = (stdout + text).slice(-KEPT_CHARACTERS);
      if (onLine === undefined) return;
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const complete of lines) onLine(complete.trimEnd());
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-KEPT_CHARACTERS);
    });
    child.on('error', (error) => resolve({ status: 127, stdout, stderr: error.message }));
    child.on('close', (status) => resolve({ status: status ?? 1, stdout, stderr }));
  });
}

const LONGEST_COMPLAINT = 300;

/** The line of a failed program's output that says most: what kept it from the network or disk, else its last error, else its last line. */
export function complaintOf({ status, stdout, stderr }: ProgramResult): string {
  const lines = `${stdout}\n${stderr}`.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '');
  const line =
    lines.findLast((text) => /refused|timed out|name resolution|not known|unreachable|no space left|certificate|proxy|ENOTFOUND|ETIMEDOUT/i.test(text)) ??
    lines.findLast((text) => /\berror\b/i.test(text)) ??
    lines.at(-1) ??
    `exit status ${status}`;
  return line.length > LONGEST_COMPLAINT ? `… ${line.slice(-LONGEST_COMPLAINT)}` : line;
}
