// Turns what a command threw into one message on standard error and an exit status.
import { CommanderError } from 'commander';
import { EXIT_STATUS, MelstromError, messageOf } from '../base/errors.js';
import { INTERRUPTED_STATUS } from './context.js';

/** Says what is wrong, on standard error, and returns the status to exit with. Commander has printed its own errors already. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_STATUS.usage;
  if (error instanceof DOMException && error.name === 'AbortError') {
    process.stderr.write('interrupted\n');
    return INTERRUPTED_STATUS;
  }
  if (error instanceof MelstromError) {
    process.stderr.write(`error: ${error.message}\n`);
    return error.exitStatus;
  }
  process.stderr.write(`internal error: ${messageOf(error)}\n`);
  if (error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  return EXIT_STATUS.internal;
}
