// `melstrom extend`: a sound goes on, after its end or before its start.
import { basename, extname, resolve } from 'node:path';
import type { Command } from 'commander';
import { refuseExisting } from '../../audio/write-whole.node.js';
import type { Progress } from '../../base/logger.js';
import { startEngine } from '../../engine/start.node.js';
import { extendClips, safeLabel, streamExtensions, type ExtendRequest, type GenerationProgress } from '../../generation/index.js';
import { loadInput } from '../../generation/input-file.node.js';
import { pathFrom, pathsOf, planFolder, writeGenerated, type WrittenClip } from '../../generation/write.node.js';
import { writeStreams } from '../../generation/write-stream.node.js';
import { collect, integer, number, requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { chooseVocoder } from '../choose-vocoder.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { addDrawFlags, drawSettings, seedsOf, warnOfUpscaler, type DrawFlags } from '../draw-flags.js';
import { addHeedingFlags, type HeedingFlags } from '../heeding-flags.js';
import { inDrawPrecision } from '../draw-precision.js';
import { openRun } from '../open-run.js';
import { requireRate } from '../run-operation.js';
import { defaultOverlap, labelIndex, promptsOf } from './generate.js';

interface ExtendFlags extends DrawFlags, HeedingFlags {
  readonly seconds?: number;
  readonly before?: boolean;
  readonly label?: string;
  readonly prompt?: string[];
  readonly negativePrompt?: string;
  readonly count: number;
  readonly fade?: number;
  readonly resample?: boolean;
  readonly overlap?: number;
}

/** Adds the command to the program. */
export function addExtend(program: Command): void {
  const command = program
    .command('extend')
    .description('let a sound go on after its end, or begin earlier; the sound itself stays as it is')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<audio>', "sound file; for a model of one channel it is mixed down as the run says")
    .option('--seconds <t>', 'seconds to add', number(0))
    .option('--before', 'add them before the sound, not after it')
    .option('--label <name>', 'label of what is added (default: none)')
    .option('--prompt <text>', 'what to add, for a model that follows text; several are taken in turn', collect)
    .option('--negative-prompt <text>', 'what not to add: what guidance leads away from')
    .option('--count <n>', 'number of different continuations', integer(1), 1)
    .option('--fade <seconds>', 'fading of the sound at the join; longer than its margin makes that longer (default: the margin)', number(0))
    .option('--resample', "convert a file of another rate to the model's")
    .option('--overlap <x>', 'share of a window that its neighbour covers too, 0 to 0.9 (default: as generate)', number(0, 0.9));
  addDrawFlags(addHeedingFlags(command), { bitDepth: '24' })
    .action(async (run: string, audio: string, flags: ExtendFlags) => {
      const { reporter, signal, print } = createContext(command);
      requireReadableFolder('<run>', run);
      const seconds = requireFlag('--seconds', flags.seconds);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      await startEngine(flags.engine);
      const open = await openRun(run);
      const { pipeline, generation, config } = open;
      warnOfUpscaler(open, reporter);
      const downmix = config?.corpus.downmix ?? 'mean';
      const { sampleRateHz, channels } = pipeline.mel;
      await requireRate(audio, sampleRateHz, flags);
      const { channels: sound, sha256 } = await loadInput(resolve(audio), { sampleRateHz, channels, downmix });
      const label = flags.label === undefined ? null : labelIndex(pipeline.labels, flags.label);
      const { count, heedRounds, resamples, detail, overlap = defaultOverlap(config), png = false, force = false } = flags;
      const seeds = seedsOf(flags, count);
      let progress: Progress | null = null;
      const request: ExtendRequest = {
        ...drawSettings(open, flags), seeds, labels: seeds.map(() => label),
        prompts: promptsOf(pipeline, flags), negativePrompt: flags.negativePrompt, sound: { sampleRateHz, channels: sound }, input: { file: pathFrom(out, resolve(audio)), sha256, downmix },
        seconds, isBefore: flags.before ?? false, heedRounds, resamples, detail, holdSeconds: flags.hold, fadeSeconds: flags.fade, overlap, signal, vocoder: chooseVocoder(pipeline, generation, flags.vocoder),
        onStep: ({ doneSteps, totalSteps, doneClips, totalClips }: GenerationProgress) => {
          progress ??= reporter.startProgress('extend', 100, '%');
          progress.update(Math.floor((100 * doneSteps) / totalSteps), { clips: `${doneClips}/${totalClips}` });
        },
      };
      const streams = streamExtensions(pipeline, request); // checks the request before a folder is made
      const base = safeLabel(basename(audio, extname(audio)));
      const names = seeds.map((seed) => `${base}-${flags.before ? 'before' : 'after'}-seed${seed}`);
      await planFolder(out);
      if (!force) for (const name of names) for (const path of pathsOf(out, name, png)) await refuseExisting(path);
      const files: WrittenClip[] = [];
      try {
        const write = { bitDepth: Number(flags.bitDepth) as 16 | 24 | 32, png, force, run: resolve(run) };
        await inDrawPrecision(open, flags, async () => {
          const written = streams === null ? writeGenerated(out, names, extendClips(pipeline, request), write) : writeStreams(out, names, streams, write);
          for await (const file of written) files.push(file);
        });
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        (progress as Progress | null)?.end();
      }
      const loud = files.find(({ gainDb }) => gainDb < 0);
      if (loud !== undefined) reporter.log.warn(`${loud.wav} was turned down by ${(-loud.gainDb).toFixed(2)} dB as a whole, since what was added goes beyond full scale; --bit-depth 32 keeps the level`);
      print({ folder: out, files }, files.map(({ wav }) => wav));
      if (signal.aborted) process.exitCode = INTERRUPTED_STATUS;
    });
}
