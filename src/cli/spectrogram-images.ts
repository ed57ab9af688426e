// Sound files as images of any layout, and back: what `encode` and `decode` do once their flags are known.
import { readFile } from 'node:fs/promises';
import type { Clip } from '../audio/clip.js';
import { decodeFile } from '../audio/decode.node.js';
import { loadMono, loadSound } from '../audio/load.node.js';
import { resampleClip } from '../audio/resample.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { defaultAudioDiffusionMel, type AudioDiffusionMelSettings } from '../config/audio-diffusion-mel.js';
import { generationSchema } from '../config/generation.js';
import { defaultMelSettings } from '../config/mel.js';
import { defaultRiffusionSettings } from '../config/riffusion.js';
import { audioDiffusionSlices, decodeAudioDiffusionPng, encodeAudioDiffusionPng, parseAudioDiffusionMel } from '../spectrogram/layouts/audio-diffusion.js';
import { detectLayout, type Layout } from '../spectrogram/layouts/layout.js';
import { invertPeerSpectrogram } from '../spectrogram/layouts/peer-spectrogram.js';
import { decodeRiffusionPng, encodeRiffusionPng } from '../spectrogram/layouts/riffusion.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import { decodeMelPng, encodeMelPng } from '../spectrogram/png.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { reportInversion, type InversionReport } from '../vocoder/inversion-report.js';
import { loadConfigWithFlags } from './config-flags.js';
import { inverterOptions, withInverterFlags, type InverterFlags } from './inverter-flags.js';

export interface EncodeFlags {
  readonly layout: Layout;
  readonly bits?: 8 | 16;
  readonly config?: string;
  readonly stereo?: boolean;
  readonly melConfig?: string;
  readonly slice?: number;
}

export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Rows of one channel of the image. */
  readonly melBins: number;
  /** What else there is to say, for people; may be empty. */
  readonly note: string;
}

/** The layout that each flag belongs to. */
const OWNERS = { bits: ['--bits', 'melstrom'], config: ['--config', 'melstrom'], stereo: ['--stereo', 'riffusion'], melConfig: ['--mel-config', 'audio-diffusion'], slice: ['--slice', 'audio-diffusion'] } as const;

/** @throws MelstromError of kind usage when a flag is given that the layout has no use for. */
export function refuseForeignFlags(flags: Partial<EncodeFlags>, layout: string): void {
  for (const [key, [flag, owner]] of Object.entries(OWNERS)) {
    if (flags[key as keyof typeof OWNERS] === undefined || owner === layout) continue;
    throw new MelstromError({ kind: 'usage', where: flag, got: `it together with --layout ${layout}`, expected: `--layout ${owner}`, fix: 'Leave it out, or choose that layout.' });
  }
}

/** Makes the image of a sound file. */
export async function encodeImage(audio: string, flags: EncodeFlags): Promise<EncodedImage> {
  refuseForeignFlags(flags, flags.layout);
  switch (flags.layout) {
    case 'melstrom': {
      const config = flags.config === undefined ? null : await loadConfigWithFlags(flags.config, {});
      const settings = config?.mel ?? defaultMelSettings;
      const { sampleRateHz, channels } = settings;
      const sound = await loadSound(audio, { sampleRateHz, channels, downmix: config?.corpus.downmix ?? 'mean' });
      const image = createImageCodec(settings).analyse(sound);
      return { ...sized(encodeMelPng(image, { bitDepth: flags.bits ?? 16 }), `${flags.bits ?? 16} bits${channels === 2 ? '; mid, side and panning from the bottom up' : ''}`), melBins: settings.melBins };
    }
    case 'riffusion': {
      const settings = { ...defaultRiffusionSettings, isStereo: flags.stereo ?? false };
      const clip = await (settings.isStereo ? loadStereo : loadOne)(audio, settings.sampleRateHz);
      return sized(encodeRiffusionPng(clip, settings), `Riffusion, ${settings.isStereo ? 'stereo' : 'mono'}`);
    }
    case 'audio-diffusion': {
      const settings = flags.melConfig === undefined ? { ...defaultAudioDiffusionMel, x_res: null } : await readMelConfig(flags.melConfig);
      const signal = await loadMono(audio, { sampleRateHz: settings.sample_rate, downmix: 'mean' });
      const { sliceSamples, sliceCount } = audioDiffusionSlices(signal.length, settings);
      const slice = flags.slice ?? 0;
      return sized(encodeAudioDiffusionPng(signal, settings, slice), `audio-diffusion, slice ${slice} of 0 to ${sliceCount - 1}, ${(sliceSamples / settings.sample_rate).toFixed(2)} s each`);
    }
  }
}

/** The width and height that a PNG's header states. */
function sized(bytes: Uint8Array, note: string): EncodedImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const height = view.getUint32(20);
  return { bytes, width: view.getUint32(16), height, melBins: height, note };
}

export interface DecodeFlags extends InverterFlags {
  readonly layout: Layout | 'auto';
  readonly seed: number;
  readonly melConfig?: string;
}

export interface DecodedSound {
  readonly clip: Clip;
  readonly layout: Layout;
  readonly isLevelKnown: boolean;
  /** How near the sound came to the image; null for a peer's, which no codec of ours describes. */
  readonly inversion: InversionReport | null;
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

/** Makes the sound of an image file. */
export async function decodeImage(png: string, { layout: wanted, seed, melConfig, ...flags }: DecodeFlags): Promise<DecodedSound> {
  const bytes = await readImage(png);
  const layout = wanted === 'auto' ? detectLayout(bytes, png) : wanted;
  refuseForeignFlags({ melConfig }, layout);
  const options = inverterOptions(withInverterFlags(generationSchema.parse({}), flags));
  if (layout === 'melstrom') {
    const image = decodeMelPng(bytes, png);
    const clip = createGriffinLimVocoder(image.settings, options).invert(image, { seed });
    return { clip, layout, isLevelKnown: true, inversion: reportInversion(image, clip) };
  }
  const spectrogram = layout === 'riffusion' ? decodeRiffusionPng(bytes, png) : decodeAudioDiffusionPng(bytes, png, melConfig === undefined ? undefined : await readMelConfig(melConfig));
  return { clip: invertPeerSpectrogram(spectrogram, { ...options, seed }), layout, isLevelKnown: spectrogram.isLevelKnown, inversion: null };
}

async function loadOne(path: string, sampleRateHz: number): Promise<Clip> {
  return { sampleRateHz, channels: [await loadMono(path, { sampleRateHz, downmix: 'mean' })] };
}

/** Two channels: a mono sound twice, as Riffusion does. */
async function loadStereo(path: string, sampleRateHz: number): Promise<Clip> {
  const { channels } = await resampleClip(await decodeFile(path), sampleRateHz);
  if (channels.length > 2) {
    throw new MelstromError({ kind: 'data', where: path, got: `${channels.length} channels`, expected: '1 or 2', fix: 'Mix it to stereo first, or leave --stereo out.' });
  }
  return { sampleRateHz, channels: [channels[0], channels.at(-1) ?? channels[0]] };
}

async function readMelConfig(path: string): Promise<AudioDiffusionMelSettings> {
  try {
    return parseAudioDiffusionMel(JSON.parse(await readFile(path, 'utf8')), path);
  } catch (cause) {
    if (cause instanceof MelstromError) throw cause;
    throw new MelstromError({ kind: 'configuration', where: path, got: `a file that can't be read (${messageOf(cause)})`, expected: "the mel_config.json of audio-diffusion's Mel", cause });
  }
}
