// What every command starts from: its reporter, its abort signal and the global flags.
import type { Command } from 'commander';
import type { Reporter } from '../base/logger.js';
import { onHostOperation } from '../engine/host-operations.js';
import { createTerminalReporter } from './terminal.js';

export interface CommandContext {
  readonly reporter: Reporter;
  /** Aborted by the first Ctrl-C; the second one ends the process at once. A command that never asks for it ends at the first. */
  readonly signal: AbortSignal;
  readonly json: boolean;
  /** Prints a result: the object with --json, else the lines. */
  readonly print: (result: unknown, lines: readonly string[]) => void;
}

/** Exit status after an interrupt by the user. */
export const INTERRUPTED_STATUS = 130;

/** Builds the context of a command from its global flags. */
export function createContext(command: Command): CommandContext {
  const { json = false, quiet = false } = command.optsWithGlobals<{ json?: boolean; quiet?: boolean }>();
  const reporter = createTerminalReporter({ json, quiet });
  onHostOperation((operation) => reporter.log.warn(`the GPU has no ${operation}: TensorFlow runs it on the processor, and copies its numbers there and back`));
  let signal: AbortSignal | undefined;
  return {
    reporter,
    get signal() {
      signal ??= interruptSignal(reporter);
      return signal;
    },
    json,
    print: (result, lines) => process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : `${lines.join('\n')}\n`),
  };
}

function interruptSignal(reporter: Reporter): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED_STATUS);
    reporter.log.warn('stopping as soon as everything is in order; press Ctrl-C again to stop at once');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}
