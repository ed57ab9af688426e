// `melstrom encode` and `melstrom decode`: sound to spectrogram image and back.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { writeWav } from '../../audio/encode.node.js';
import { loadMono } from '../../audio/load.node.js';
import { writeWhole } from '../../audio/write-whole.node.js';
import { MelstromError, messageOf } from '../../base/errors.js';
import { defaultMelSettings } from '../../config/mel.js';
import { createMelCodec } from '../../spectrogram/mel-codec.js';
import { decodeMelPng, encodeMelPng } from '../../spectrogram/png.js';
import { createGriffinLimVocoder } from '../../vocoder/griffin-lim-vocoder.js';
import { integer, requireFlag } from '../arguments.js';
import { loadConfigWithFlags } from '../config-flags.js';
import { createContext } from '../context.js';
import { requireWritableFile } from '../output.js';

/** Adds the command to the program. */
export function addEncode(program: Command): void {
  program
    .command('encode')
    .description('write the mel spectrogram of a sound as a 16-bit PNG that carries its parameters')
    .argument('<audio>', 'sound file')
    .option('--out <png>', 'image to write')
    .option('--config <file>', 'configuration whose mel settings apply (default: the defaults)')
    .option('--force', 'overwrite')
    .action(async (audio: string, flags: { out?: string; config?: string; force?: boolean }, command: Command) => {
      const { print } = createContext(command);
      const force = flags.force ?? false;
      const out = requireFlag('--out', flags.out);
      requireWritableFile('--out', out, force);
      const config = flags.config === undefined ? null : await loadConfigWithFlags(flags.config, {});
      const settings = config?.mel ?? defaultMelSettings;
      const signal = await loadMono(audio, { sampleRateHz: settings.sampleRateHz, downmix: config?.corpus.downmix ?? 'mean' });
      const image = createMelCodec(settings).analyse(signal);
      await writeWhole(out, encodeMelPng(image), { force });
      print({ out, frames: image.frameCount, melBins: settings.melBins }, [`${out}: ${settings.melBins} × ${image.frameCount}`]);
    });
}

/** Adds the command to the program. */
export function addDecode(program: Command): void {
  program
    .command('decode')
    .description('turn a mel spectrogram PNG back into sound')
    .argument('<png>', 'image written by encode')
    .option('--out <wav>', 'sound to write')
    .option('--iterations <n>', 'Griffin-Lim iterations', integer(0), 32)
    .option('--seed <n>', 'seed of the starting phase', integer(0), 0)
    .option('--force', 'overwrite')
    .action(async (png: string, flags: { out?: string; iterations: number; seed: number; force?: boolean }, command: Command) => {
      const { print } = createContext(command);
      const force = flags.force ?? false;
      const out = requireFlag('--out', flags.out);
      requireWritableFile('--out', out, force);
      const image = decodeMelPng(await readImage(png), png);
      const clip = createGriffinLimVocoder(image.settings, { iterations: flags.iterations }).invert(image, { seed: flags.seed });
      await writeWav(out, clip, { bitDepth: 16, seed: flags.seed, onClip: 'normalise', force });
      const seconds = clip.channels[0].length / clip.sampleRateHz;
      print({ out, seconds }, [`${out}: ${seconds.toFixed(2)} s`]);
    });
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'a file that may not be read (permission denied)',
  EISDIR: 'a folder',
};

async function readImage(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const got = UNREADABLE[(cause as { code?: string }).code ?? ''] ?? messageOf(cause);
    throw new MelstromError({ kind: 'data', where: path, got, expected: 'an image written by encode', cause });
  }
}
