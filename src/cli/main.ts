#!/usr/bin/env node
// The entry of the `melstrom` command: parses, runs, and turns errors into one message and an exit status.
import { createProgram } from './program.js';
import { reportError } from './report-error.js';

const program = createProgram();
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportError(error, program);
}
