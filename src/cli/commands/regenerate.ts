// `melstrom regenerate`: makes a clip again from the JSON file beside it.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import type { Progress } from '../../base/logger.js';
import type { WantedEngine } from '../../engine/engine-info.js';
import { startEngine } from '../../engine/start.node.js';
import { writeWhole } from '../../audio/write-whole.node.js';
import type { GenerationProgress } from '../../generation/index.js';
import { readRecord } from '../../generation/record.node.js';
import { regenerateClip } from '../../generation/regenerate.node.js';
import { encodeClip } from '../../generation/write.node.js';
import { sha256 } from '../../pipeline/hash.js';
import { requireReadableFolder } from '../arguments.js';
import { createContext } from '../context.js';
import { precisionOption, type PrecisionChoice } from '../draw-precision.js';
import { openRun } from '../open-run.js';
import { requireWritableFile } from '../output.js';

interface RegenerateFlags {
  readonly run?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly precision?: PrecisionChoice;
  readonly engine?: WantedEngine;
}

/** Adds the command to the program. */
export function addRegenerate(program: Command): void {
  program
    .command('regenerate')
    .description('make a clip again, byte for byte, from the JSON file beside it')
    .argument('<sidecar>', 'JSON file of the clip')
    .option('--run <folder>', 'run folder, or a pipeline folder (default: where the JSON file says)')
    .option('--out <file>', 'WAV file to write (default: the name in the JSON file, beside it)')
    .option('--force', 'overwrite the file')
    .addOption(precisionOption('the one that made the clip; another gives other last bits'))
    .addOption(new Option('--engine <name>', 'engine (default: the one that made the clip; another gives other last bits)').choices(['auto', 'tensorflow', 'wasm', 'cpu']))
    .action(async (path: string, flags: RegenerateFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      const sidecar = resolve(path);
      const record = await readRecord(sidecar);
      const out = resolve(flags.out ?? resolve(dirname(sidecar), record.file));
      requireWritableFile('--out', out, flags.force ?? false);
      const run = requireReadableFolder('--run', flags.run ?? runOf(sidecar, record.run));
      await startEngine(flags.engine ?? (record.engine.name as WantedEngine));
      const { pipeline } = await openRun(run);
      let progress: Progress | null = null;
      const onStep = ({ doneSteps, totalSteps }: GenerationProgress): void => {
        progress ??= reporter.startProgress('regenerate', 100, '%');
        progress.update(Math.floor((100 * doneSteps) / totalSteps));
      };
      const clip = await regenerateClip(pipeline, sidecar, { signal, onStep, precision: flags.precision }).finally(() => progress?.end());
      const { bytes } = await encodeClip(clip, record.bitDepth);
      const isIdentical = (await sha256(bytes)) === record.sha256;
      await writeWhole(out, bytes, { force: flags.force });
      if (!isIdentical) {
        const { engine, precision, version } = clip.sidecar;
        const same = engine.name === record.engine.name && engine.tensorflowJs === record.engine.tensorflowJs && precision === record.precision && version === record.version;
        reporter.log.warn(`${out} is not the recorded clip to the last bit: ${same ? 'another machine rounds otherwise' : `made with engine ${record.engine.name} and version ${record.version} in ${record.precision}, now ${engine.name} and ${version} in ${precision}`}`);
      }
      print({ file: out, isIdentical }, [isIdentical ? `${out}: the same bytes` : out]);
    });
}

function runOf(sidecar: string, run: string | null): string {
  const folder = run === null ? null : resolve(dirname(sidecar), run);
  if (folder !== null && existsSync(folder)) return folder;
  throw new MelstromError({
    kind: 'usage', where: `${sidecar}: run`, got: folder === null ? 'none' : `'${folder}', which is not there`, expected: 'the folder of the run that made the clip', fix: 'Name it with --run.',
  });
}
