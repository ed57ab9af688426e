// `melstrom export`: writes a trained pipeline as a folder that the diffusers library opens.
import { Option, type Command } from 'commander';
import { startEngine } from '../../engine/start.node.js';
import { EXPORT_CLASSES, exportPipeline, type ExportClass } from '../../pipeline/export.node.js';
import { requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { createContext } from '../context.js';
import { DTYPES, type DtypeName } from '../dtypes.js';
import { openRun } from '../open-run.js';
import { requirePipelineOutput } from '../output.js';

interface ExportFlags {
  readonly out?: string;
  readonly dtype: DtypeName;
  readonly pipelineClass?: ExportClass;
  readonly force?: boolean;
}

/** Adds the command to the program. */
export function addExport(program: Command): void {
  program
    .command('export')
    .description('write a trained pipeline as a folder that the diffusers library opens')
    .argument('<run>', 'run folder, or a pipeline folder')
    .option('--out <folder>', 'folder to write')
    .addOption(new Option('--dtype <name>', 'of the weights written').choices(Object.keys(DTYPES)).default('float32'))
    .addOption(new Option('--pipeline-class <name>', 'class of diffusers to write it as (default: the one that fits)').choices(EXPORT_CLASSES))
    .option('--force', 'replace an earlier pipeline folder')
    .action(async (run: string, flags: ExportFlags, command: Command) => {
      const { print } = createContext(command);
      requireReadableFolder('<run>', run);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      requirePipelineOutput(out, { source: run, force: flags.force ?? false });
      await startEngine('auto');
      const { pipeline } = await openRun(run);
      const report = await exportPipeline(out, pipeline, { dtype: DTYPES[flags.dtype], pipelineClass: flags.pipelineClass });
      print({ folder: out, ...report }, [`written as ${report.className}`, ...report.notes.map((note) => `note: ${note}`), out]);
    });
}
