// `melstrom doctor`: what is here, what is missing and how to get it.
import type { Command } from 'commander';
import { collectDoctor, describeDoctor } from '../../engine/setup/doctor.node.js';
import { createContext } from '../context.js';

/** Adds the command to the program. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('engines, devices, codecs and versions: what is missing and how to get it')
    .action(async (_options: object, command: Command) => {
      const context = createContext(command);
      const report = await collectDoctor();
      const { lines, errors } = describeDoctor(report);
      context.print({ ...report, errors }, lines);
      for (const error of errors) process.stderr.write(`error: ${error}\n`);
      if (errors.length > 0) process.exitCode = 7;
    });
}
