// `melstrom encode` and `melstrom decode`: sound to spectrogram image and back.
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Clip } from '../../audio/clip.js';
import { writeWav } from '../../audio/encode.node.js';
import { writeWhole } from '../../audio/write-whole.node.js';
import { amplitudeToDb } from '../../dsp/decibels.js';
import { LAYOUTS } from '../../spectrogram/layouts/layout.js';
import { UNKNOWN_LEVEL_PEAK_DB } from '../../spectrogram/layouts/peer-spectrogram.js';
import { integer, requireFlag } from '../arguments.js';
import { createContext } from '../context.js';
import { requireWritableFile } from '../output.js';
import { addInverterFlags } from '../inverter-flags.js';
import { decodeImage, encodeImage, type DecodeFlags, type EncodeFlags } from '../spectrogram-images.js';

/** Adds the command to the program. */
export function addEncode(program: Command): void {
  program
    .command('encode')
    .description('write the mel spectrogram of a sound as a PNG that carries its parameters')
    .argument('<audio>', 'sound file')
    .option('--out <png>', 'image to write')
    .addOption(new Option('--layout <name>', 'whose image').choices(LAYOUTS).default('melstrom'))
    .addOption(new Option('--bits <n>', 'melstrom: 16 keeps 0.0013 dB, 8 keeps 0.34 dB (default: 16)').argParser(bits))
    .option('--config <file>', 'melstrom: configuration whose mel settings apply, mel.channels among them (default: the defaults, one channel)')
    .option('--stereo', 'riffusion: keep two channels')
    .option('--mel-config <file>', 'audio-diffusion: mel_config.json of its model (default: its defaults, and as wide as the sound)')
    .option('--slice <n>', 'audio-diffusion: which slice of a sound longer than the image (default: 0)', integer(0))
    .option('--force', 'overwrite')
    .action(async (audio: string, flags: EncodeFlags & { out?: string; force?: boolean }, command: Command) => {
      const { print } = createContext(command);
      const force = flags.force ?? false;
      const out = requireFlag('--out', flags.out);
      requireWritableFile('--out', out, force);
      const { bytes, width, height, melBins, note } = await encodeImage(audio, flags);
      await writeWhole(out, bytes, { force });
      print({ out, layout: flags.layout, frames: width, melBins }, [`${out}: ${height} × ${width}${note === '' ? '' : ` (${note})`}`]);
    });
}

/** Adds the command to the program. */
export function addDecode(program: Command): void {
  addInverterFlags(program.command('decode'), 'as generation has it')
    .description('turn a mel spectrogram PNG back into sound')
    .argument('<png>', 'image written by encode, by Riffusion or by audio-diffusion')
    .option('--out <wav>', 'sound to write')
    .addOption(new Option('--layout <name>', 'whose image; auto tells by its metadata').choices(['auto', ...LAYOUTS]).default('auto'))
    .option('--mel-config <file>', 'audio-diffusion: mel_config.json that the image was made with (default: its own, or the defaults)')
    .option('--seed <n>', 'seed of the starting phase', integer(0), 0)
    .option('--force', 'overwrite')
    .action(async (png: string, flags: DecodeFlags & { out?: string; force?: boolean }, command: Command) => {
      const { print } = createContext(command);
      const force = flags.force ?? false;
      const out = requireFlag('--out', flags.out);
      requireWritableFile('--out', out, force);
      const { clip, layout, isLevelKnown, inversion } = await decodeImage(png, flags);
      await writeWav(out, clip, { bitDepth: 16, seed: flags.seed, onClip: 'normalise', force });
      const seconds = clip.channels[0].length / clip.sampleRateHz;
      const gainDb = -amplitudeToDb(Math.max(1, peakOf(clip))) + 0;
      const unknown = isLevelKnown ? '' : ` (the image does not tell its level: peak set to ${UNKNOWN_LEVEL_PEAK_DB} dBFS)`;
      const turned = gainDb < 0 ? ` (turned down by ${(-gainDb).toFixed(1)} dB, so that no peak is clipped)` : '';
      const near = typeof inversion?.spectralConvergenceDb === 'number' ? ` (spectral convergence ${inversion.spectralConvergenceDb.toFixed(1)} dB)` : '';
      print({ out, layout, seconds, channels: clip.channels.length, isLevelKnown, gainDb, inversion }, [`${out}: ${seconds.toFixed(2)} s${near}${unknown}${turned}`]);
    });
}

function peakOf({ channels }: Clip): number {
  return channels.reduce((most, channel) => channel.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);
}

function bits(text: string): 8 | 16 {
  if (text !== '8' && text !== '16') throw new InvalidArgumentError(`got '${text}', expected 8 or 16.`);
  return text === '8' ? 8 : 16;
}
