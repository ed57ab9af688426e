// Riffusion's images: mel amplitudes, a power curve, dark loud, parameters as EXIF. Knows no files.
import { encode } from 'fast-png';
import type { Clip } from '../../audio/clip.js';
import { MelstromError, messageOf } from '../../base/errors.js';
import { configurationError, problemsOf } from '../../config/problems.js';
import { defaultRiffusionSettings, riffusionSchema, type RiffusionSettings } from '../../config/riffusion.js';
import { readEightBitPlanes } from './_eight-bit-planes.js';
import { decodeExif, encodeExif } from './_exif.js';
import { chunksOf, withChunk } from './_png-chunks.js';
import { analyseMelFrames, type MelTransform } from './mel-frames.js';
import type { PeerSpectrogram } from './peer-spectrogram.js';

/** Riffusion's numbers for its EXIF tags. Source: riffusion-hobby, spectrogram_params. */
const TAGS = {
  sampleRateHz: 11_000, isStereo: 11_005, hopMilliseconds: 11_010, windowMilliseconds: 11_020, paddedMilliseconds: 11_030,
  melBins: 11_040, minHz: 11_050, maxHz: 11_060, power: 11_070,
} as const satisfies Record<keyof RiffusionSettings, number>;
const MAX_VALUE_TAG = 11_080;
/** What Riffusion takes for the largest amplitude when it decodes. */
const USUAL_MAX_VALUE = 30e6;
/** Riffusion's samples are 16-bit integers. */
const SAMPLE_SCALE = 32_768;
const EXIF_CHUNK = 'eXIf';

export interface RiffusionImage extends PeerSpectrogram {
  readonly settings: RiffusionSettings;
  /** Amplitude of the darkest cell, in Riffusion's unit: of 16-bit samples. null when the image does not say. */
  readonly maxValue: number | null;
}

/** Milliseconds → samples, cut off as Riffusion does. */
function samplesOf(milliseconds: number, { sampleRateHz }: RiffusionSettings): number {
  return Math.trunc((milliseconds / 1000) * sampleRateHz);
}

/** What a cell of such an image means. */
export function riffusionTransform(settings: RiffusionSettings): MelTransform {
  const { sampleRateHz, melBins, minHz, maxHz } = settings;
  return {
    sampleRateHz, melBins, minHz, maxHz,
    fftSize: samplesOf(settings.paddedMilliseconds, settings),
    windowSamples: samplesOf(settings.windowMilliseconds, settings),
    hopSamples: samplesOf(settings.hopMilliseconds, settings),
    melScale: 'htk', melNorm: 'none', exponent: 1, edges: 'mirrored',
  };
}

/**
 * Encodes a clip, which must have the settings' rate and number of channels, as Riffusion's `audio_to_image` does: amplitudes over the
 * largest of all channels, to the power, inverted, cut off to 8 bits, low frequency at the bottom; stereo in green and blue.
 * The largest amplitude goes into the metadata, so that the level survives. Silence, where Riffusion divides by zero, is white.
 */
export function encodeRiffusionPng(clip: Clip, settings: RiffusionSettings = defaultRiffusionSettings): Uint8Array {
  const transform = riffusionTransform(settings);
  const channelCount = settings.isStereo ? 2 : 1;
  if (clip.sampleRateHz !== settings.sampleRateHz || clip.channels.length !== channelCount || clip.channels[0].length === 0) {
    throw new MelstromError({
      kind: 'usage', where: 'encodeRiffusionPng: clip', got: `${clip.channels[0].length} samples at ${clip.sampleRateHz} Hz in ${clip.channels.length} channels`,
      expected: `sound at ${settings.sampleRateHz} Hz in ${channelCount}`, fix: 'Resample and mix it first.',
    });
  }
  const frames = clip.channels.map((channel) => analyseMelFrames(channel, transform));
  const [{ frameCount: width }] = frames;
  const height = transform.melBins;
  const largest = frames.reduce((most, { data }) => data.reduce((a, b) => Math.max(a, b), most), 0);
  const data = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row += 1) {
    for (let n = 0; n < width; n += 1) {
      const pixel = 3 * ((height - 1 - row) * width + n);
      const bytes = frames.map((frame) => Math.trunc(255 - 255 * (largest === 0 ? 0 : frame.data[row * width + n] / largest) ** settings.power));
      data.set(settings.isStereo ? [0, ...bytes] : [bytes[0], bytes[0], bytes[0]], pixel);
    }
  }
  const png = encode({ width, height, data, depth: 8, channels: 3 });
  return withChunk(png, EXIF_CHUNK, exifOf(settings, largest * SAMPLE_SCALE));
}

function exifOf(settings: RiffusionSettings, maxValue: number): Uint8Array {
  const numbers = Object.entries(TAGS).map(([key, tag]) => {
    const value = Number(settings[key as keyof RiffusionSettings]);
    return { tag, value, kind: key === 'power' || !Number.isSafeInteger(value) ? 'double' : 'whole' } as const;
  });
  return encodeExif([...numbers, { tag: MAX_VALUE_TAG, value: maxValue, kind: 'double' }]);
}

/** Whether a PNG carries Riffusion's parameters. */
export function isRiffusionPng(bytes: Uint8Array): boolean {
  return readTags(bytes, '').has(TAGS.sampleRateHz);
}

/**
 * Decodes an image of Riffusion. One without its parameters is taken to have Riffusion's defaults and to tell no level, as Riffusion
 * itself does; one with some of them only is refused. Amplitudes are those that Riffusion reads, over 32768.
 *
 * @throws MelstromError of kind data that names `where`
 */
export function decodeRiffusionPng(bytes: Uint8Array, where: string): RiffusionImage {
  const { width, height, planes } = readEightBitPlanes(bytes, where, 'Riffusion');
  const tags = readTags(bytes, where);
  const settings = Object.values(TAGS).some((tag) => tags.has(tag)) ? settingsOf(tags, where) : { ...defaultRiffusionSettings, melBins: height };
  if (height !== settings.melBins) throw notRiffusion(where, `${height} rows`, `${settings.melBins}, its own number of frequencies`);
  if (settings.isStereo && planes.length < 3) throw notRiffusion(where, 'a grey image that says it is stereo', 'colour, with the channels in green and blue');
  const maxValue = tags.get(MAX_VALUE_TAG) ?? null;
  if (maxValue !== null && !(maxValue >= 0 && maxValue < Infinity)) throw notRiffusion(where, `a largest amplitude of ${maxValue}`, 'a number from 0 upwards');
  const full = (maxValue ?? USUAL_MAX_VALUE) / SAMPLE_SCALE;
  const amplitudes = Float32Array.from({ length: 256 }, (_, level) => full * ((255 - level) / 255) ** (1 / settings.power));
  const channels = (settings.isStereo ? planes.slice(1) : planes.slice(0, 1)).map((plane) => {
    const data = new Float32Array(width * height);
    for (let row = 0; row < height; row += 1) {
      for (let n = 0; n < width; n += 1) data[row * width + n] = amplitudes[plane[(height - 1 - row) * width + n]];
    }
    return data;
  });
  return { transform: riffusionTransform(settings), settings, maxValue, frameCount: width, channels, isLevelKnown: maxValue !== null };
}

function readTags(bytes: Uint8Array, where: string): Map<number, number> {
  for (const { type, data } of chunksOf(bytes)) {
    if (type !== EXIF_CHUNK) continue;
    try {
      return decodeExif(data);
    } catch (error) {
      throw notRiffusion(where, `EXIF data that can't be read (${messageOf(error)})`, 'whole EXIF data', error);
    }
  }
  return new Map();
}

function settingsOf(tags: ReadonlyMap<number, number>, where: string): RiffusionSettings {
  const missing = Object.entries(TAGS).filter(([, tag]) => !tags.has(tag)).map(([key, tag]) => `${key} (${tag})`);
  if (missing.length > 0) throw notRiffusion(where, `EXIF data without ${missing.join(', ')}`, 'all parameters of Riffusion, or none');
  const raw = Object.fromEntries(Object.entries(TAGS).map(([key, tag]) => [key, key === 'isStereo' ? tags.get(tag) !== 0 : tags.get(tag)]));
  const parsed = riffusionSchema.safeParse(raw);
  if (!parsed.success) throw configurationError(where, problemsOf(riffusionSchema, raw, parsed.error.issues));
  return Object.freeze(parsed.data);
}

function notRiffusion(where: string, got: string, expected: string, cause?: unknown): MelstromError {
  return new MelstromError({ kind: 'data', where, got, expected, fix: 'Make the image anew with Riffusion, or with `melstrom encode --layout riffusion`.', cause });
}
