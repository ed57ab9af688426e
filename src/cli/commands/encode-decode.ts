// `melstrom encode` and `melstrom decode`: sound to spectrogram image and back.
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { writeWav } from '../../audio/encode.node.js';
import { loadMono } from '../../audio/load.node.js';
import { defaultMelSettings } from '../../config/mel.js';
import { createMelCodec } from '../../spectrogram/mel-codec.js';
import { decodeMelPng, encodeMelPng } from '../../spectrogram/png.js';
import { createGriffinLimVocoder } from '../../vocoder/griffin-lim-vocoder.js';
import { integer } from '../arguments.js';
import { loadConfigWithFlags } from '../config-flags.js';
import { createContext } from '../context.js';
import { refuseExisting } from '../output.js';

/** Adds the command to the program. */
export function addEncode(program: Command): void {
  program
    .command('encode')
    .description('write the mel spectrogram of a sound as a 16-bit PNG that carries its parameters')
    .argument('<audio>', 'sound file')
    .requiredOption('--out <png>', 'image to write')
    .option('--config <file>', 'configuration whose mel settings apply (default: the defaults)')
    .option('--force', 'overwrite')
    .action(async (audio: string, flags: { out: string; config?: string; force?: boolean }, command: Command) => {
      const { print } = createContext(command);
      refuseExisting(flags.out, flags.force ?? false);
      const config = flags.config === undefined ? null : await loadConfigWithFlags(flags.config, {});
      const settings = config?.mel ?? defaultMelSettings;
      const signal = await loadMono(audio, { sampleRateHz: settings.sampleRateHz, downmix: config?.corpus.downmix ?? 'mean' });
      const image = createMelCodec(settings).analyse(signal);
      await writeWhole(flags.out, encodeMelPng(image));
      print({ out: flags.out, frames: image.frameCount, melBins: settings.melBins }, [`${flags.out}: ${settings.melBins} × ${image.frameCount}`]);
    });
}

/** Adds the command to the program. */
export function addDecode(program: Command): void {
  program
    .command('decode')
    .description('turn a mel spectrogram PNG back into sound')
    .argument('<png>', 'image written by encode')
    .requiredOption('--out <wav>', 'sound to write')
    .option('--iterations <n>', 'Griffin-Lim iterations', integer(0), 32)
    .option('--seed <n>', 'seed of the starting phase', integer(0), 0)
    .option('--force', 'overwrite')
    .action(async (png: string, flags: { out: string; iterations: number; seed: number; force?: boolean }, command: Command) => {
      const { print } = createContext(command);
      refuseExisting(flags.out, flags.force ?? false);
      const image = decodeMelPng(await readFile(png), png);
      const clip = createGriffinLimVocoder(image.settings, { iterations: flags.iterations }).invert(image, { seed: flags.seed });
      await writeWav(flags.out, clip, { bitDepth: 16, seed: flags.seed, onClip: 'normalise', force: flags.force ?? false });
      const seconds = clip.channels[0].length / clip.sampleRateHz;
      print({ out: flags.out, seconds }, [`${flags.out}: ${seconds.toFixed(2)} s`]);
    });
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}
