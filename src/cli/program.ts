// The command table. Each command lives in its own file under commands/.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBench } from './commands/bench.js';
import { addCombine } from './commands/combine.js';
import { addCorpus } from './commands/corpus.js';
import { addDecode, addEncode } from './commands/encode-decode.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addEvaluate } from './commands/evaluate.js';
import { addExport } from './commands/export.js';
import { addExtend } from './commands/extend.js';
import { addFill } from './commands/fill.js';
import { addGenerate } from './commands/generate.js';
import { addImport } from './commands/import.js';
import { addInspect } from './commands/inspect.js';
import { addListen } from './commands/listen.js';
import { addMorph } from './commands/morph.js';
import { addPlay } from './commands/play.js';
import { addPrepare } from './commands/prepare.js';
import { addReconstruct } from './commands/reconstruct.js';
import { addRegenerate } from './commands/regenerate.js';
import { addSetup } from './commands/setup.js';
import { addTrain } from './commands/train.js';
import { addVary } from './commands/vary.js';

const ADDERS = [
  addSetup, addDoctor,
  addInspect, addPrepare, addTrain,
  addGenerate, addExtend, addVary, addFill, addMorph, addCombine, addRegenerate,
  addReconstruct, addEncode, addDecode, addEvaluate, addListen, addPlay,
  addImport, addExport, addCorpus,
  addDemo, addBench,
] as const;

/** The version in package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Builds the whole command line. Errors are thrown, never printed and exited on. */
export function createProgram(): Command {
  const program = new Command('melstrom')
    .description('Turns a folder of sounds into a generator of new sounds.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--json', 'print results as JSON on standard output; everything else goes to standard error')
    .option('--quiet', 'no progress, only results and warnings')
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for the flags)')
    .exitOverride();
  for (const add of ADDERS) add(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}
