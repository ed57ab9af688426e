// `melstrom setup`: gets the native engine and builds it.
import type { Command } from 'commander';
import { Option } from 'commander';
import { setUpEngine } from '../../engine/setup/set-up.node.js';
import { createContext } from '../context.js';

/** Adds the command to the program. */
export function addSetup(program: Command): void {
  program
    .command('setup')
    .description('get the native engine and build it; safe to repeat')
    .addOption(new Option('--engine <name>', 'which engine to set up').choices(['tensorflow', 'tensorflow-cuda']).default('tensorflow'))
    .option('--force', 'build again even when the cache holds this version')
    .action(async (options: { engine: 'tensorflow' | 'tensorflow-cuda'; force?: boolean }, command: Command) => {
      const context = createContext(command);
      const result = await setUpEngine({ engine: options.engine, force: options.force ?? false, reporter: context.reporter });
      context.print(result, [result.message]);
      if (!result.isReady) process.exitCode = 7;
    });
}
