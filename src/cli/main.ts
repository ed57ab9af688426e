#!/usr/bin/env node
// The entry of the `melstrom` command: parses, runs, and turns errors into one message and an exit status.
import { CommanderError } from 'commander';
import { EXIT_STATUS, MelstromError, messageOf } from '../base/errors.js';
import { createProgram } from './program.js';

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_STATUS.usage;
  if (error instanceof MelstromError) {
    process.stderr.write(`error: ${error.message}\n`);
    return error.exitStatus;
  }
  process.stderr.write(`internal error: ${messageOf(error)}\n`);
  if (error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  return EXIT_STATUS.internal;
}
