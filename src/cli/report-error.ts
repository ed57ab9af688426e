// Turns what a command threw into one message on standard error and an exit status.
import { CommanderError, type Command } from 'commander';
import { EXIT_STATUS, MelstromError, messageOf } from '../base/errors.js';
import { INTERRUPTED_STATUS } from './context.js';

/**
 * Says what is wrong, on standard error, and returns the status to exit with. Commander has printed its own errors already.
 *
 * @param program the command line that was parsed: what the library calls holdSeconds is then called --hold, as it was typed
 */
export function reportError(error: unknown, program?: Command): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_STATUS.usage;
  if (error instanceof DOMException && error.name === 'AbortError') {
    process.stderr.write('interrupted\n');
    return INTERRUPTED_STATUS;
  }
  if (error instanceof MelstromError) {
    process.stderr.write(`error: ${withFlag(error, program)}\n`);
    return error.exitStatus;
  }
  process.stderr.write(`internal error: ${messageOf(error)}\n`);
  if (error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  return EXIT_STATUS.internal;
}

/** The message, with the flag of the command for the argument that it is about. */
function withFlag({ kind, where, message }: MelstromError, program: Command | undefined): string {
  const command = program?.commands.find((one) => one.name() === program.args[0]);
  const flag = command?.options.find((option) => [option.attributeName(), `${option.attributeName()}Seconds`].includes(where));
  return kind !== 'usage' || flag?.long === undefined ? message : `${flag.long}${message.slice(where.length)}`;
}
