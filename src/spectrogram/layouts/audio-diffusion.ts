// Images of audio-diffusion's `Mel` class: mel decibels below the loudest cell, in grey. Knows no files.
import { encode } from 'fast-png';
import { MelstromError, messageOf } from '../../base/errors.js';
import { audioDiffusionMelSchema, defaultAudioDiffusionMel, type AudioDiffusionMelSettings } from '../../config/audio-diffusion-mel.js';
import { configurationError, problemsOf } from '../../config/problems.js';
import { readEightBitPlanes } from './_eight-bit-planes.js';
import { chunksOf } from './_png-chunks.js';
import { analyseMelFrames, type MelTransform } from './mel-frames.js';
import type { PeerSpectrogram } from './peer-spectrogram.js';

/** Text chunk in which images written here carry what that class leaves out: its settings, and the power of the loudest cell. */
export const AUDIO_DIFFUSION_TEXT_KEY = 'melstrom-audio-diffusion';
/** The least power that class tells from none. */
const LEAST_POWER = 1e-10;

export interface AudioDiffusionImage extends PeerSpectrogram {
  readonly settings: AudioDiffusionMelSettings;
}

/** What a cell of such an image means, for images of `melBins` rows. */
export function audioDiffusionTransform({ sample_rate, n_fft, hop_length, y_res }: AudioDiffusionMelSettings): MelTransform {
  return {
    sampleRateHz: sample_rate, fftSize: n_fft, windowSamples: n_fft, hopSamples: hop_length, melBins: y_res,
    minHz: 0, maxHz: sample_rate / 2, melScale: 'slaney', melNorm: 'slaney', exponent: 2, edges: 'silent',
  };
}

/** Samples of one image, and how many whole ones a sound has, as that class counts them: a short sound is filled with silence. */
export function audioDiffusionSlices(sampleCount: number, { x_res, hop_length }: AudioDiffusionMelSettings): { readonly sliceSamples: number; readonly sliceCount: number } {
  const columns = x_res ?? 1 + Math.floor(sampleCount / hop_length);
  const sliceSamples = columns * hop_length - 1;
  return { sliceSamples, sliceCount: Math.floor(Math.max(sampleCount, columns * hop_length) / sliceSamples) };
}

/**
 * Encodes slice number `slice` of a mono signal at the settings' rate as `Mel.audio_slice_to_image` does: power in decibels below the
 * loudest cell of the slice, rounded to 8 bits over top_db, the LOWEST frequency at the top. Silence is all white, as there.
 * The level, which that class drops, and the settings go into a text chunk, which other readers pass over.
 */
export function encodeAudioDiffusionPng(signal: Float32Array, settings: AudioDiffusionMelSettings = defaultAudioDiffusionMel, slice = 0): Uint8Array {
  const { sliceSamples, sliceCount } = audioDiffusionSlices(signal.length, settings);
  if (!Number.isSafeInteger(slice) || slice < 0 || slice >= sliceCount) {
    throw new MelstromError({ kind: 'usage', where: 'audio-diffusion: slice', got: String(slice), expected: `an integer in [0, ${sliceCount - 1}]`, fix: `The sound has ${sliceCount} slices of ${sliceSamples} samples.` });
  }
  const sound = new Float32Array(sliceSamples);
  sound.set(signal.subarray(slice * sliceSamples, (slice + 1) * sliceSamples));
  const { frameCount, data } = analyseMelFrames(sound, audioDiffusionTransform(settings));
  const reference = data.reduce((most, power) => Math.max(most, power), 0);
  const referenceDb = 10 * Math.log10(Math.max(reference, LEAST_POWER));
  const bytes = Uint8Array.from(data, (power) => {
    const db = 10 * Math.log10(Math.max(power, LEAST_POWER)) - referenceDb;
    return Math.floor(Math.min(Math.max(((db + settings.top_db) * 255) / settings.top_db, 0), 255) + 0.5);
  });
  const text = { Software: 'Melstrom', [AUDIO_DIFFUSION_TEXT_KEY]: JSON.stringify({ settings: { ...settings, x_res: frameCount }, reference }) };
  return encode({ width: frameCount, height: settings.y_res, data: bytes, depth: 8, channels: 1, text });
}

/** Whether a PNG was written by encodeAudioDiffusionPng. Images of that class itself carry nothing to know them by. */
export function isOwnAudioDiffusionPng(bytes: Uint8Array): boolean {
  const wanted = `${AUDIO_DIFFUSION_TEXT_KEY}\0`;
  for (const { type, data } of chunksOf(bytes)) {
    if (type === 'tEXt' && String.fromCharCode(...data.subarray(0, wanted.length)) === wanted) return true;
  }
  return false;
}

/**
 * Decodes an image of that class, of any width. Powers are those that it reads, times the power of the loudest cell where the image
 * was written here and says it; else the level is unknown. An image that is all white is silence.
 *
 * `settings` are those the image was made with; without them its own, or else that class's defaults with the image's height.
 * @throws MelstromError of kind data that names `where`
 */
export function decodeAudioDiffusionPng(bytes: Uint8Array, where: string, settings?: AudioDiffusionMelSettings): AudioDiffusionImage {
  const { width, height, planes, text } = readEightBitPlanes(bytes, where, 'audio-diffusion');
  const [grey] = planes;
  if (planes.some((plane) => plane.some((level, cell) => level !== grey[cell]))) {
    throw new MelstromError({ kind: 'data', where, got: 'a PNG in colour', expected: "grey, as audio-diffusion's Mel writes", fix: 'Only images of that class are known to be its spectrograms.' });
  }
  const own = readOwn(text[AUDIO_DIFFUSION_TEXT_KEY], where);
  const used = settings ?? own?.settings ?? { ...defaultAudioDiffusionMel, y_res: height };
  if (height !== used.y_res) {
    throw new MelstromError({ kind: 'data', where, got: `${height} rows`, expected: `${used.y_res} (y_res)`, fix: 'Give the mel_config.json that the image was made with.' });
  }
  const isSilent = own === null ? grey.every((level) => level === 255) : own.reference === 0;
  const scale = isSilent ? 0 : (own?.reference ?? 1);
  const powers = Float32Array.from({ length: 256 }, (_, level) => scale * 10 ** (((level * used.top_db) / 255 - used.top_db) / 10));
  const data = Float32Array.from(grey, (level) => powers[level]);
  return { transform: audioDiffusionTransform(used), settings: used, frameCount: width, channels: [data], isLevelKnown: own !== null };
}

function readOwn(text: string | undefined, where: string): { readonly settings: AudioDiffusionMelSettings; readonly reference: number } | null {
  if (text === undefined) return null;
  try {
    const { settings, reference } = JSON.parse(text) as { settings: unknown; reference: unknown };
    if (typeof reference !== 'number' || !(reference >= 0)) throw new Error(`reference ${String(reference)}`);
    return { settings: parseAudioDiffusionMel(settings, AUDIO_DIFFUSION_TEXT_KEY), reference };
  } catch (cause) {
    throw new MelstromError({ kind: 'data', where, got: `settings that can't be read (${messageOf(cause)})`, expected: 'those that `melstrom encode` writes', fix: 'Encode the sound again.', cause });
  }
}

/** Unknown data, for example of a mel_config.json, → settings. @throws MelstromError of kind configuration that lists every problem */
export function parseAudioDiffusionMel(raw: unknown, where: string): AudioDiffusionMelSettings {
  const parsed = audioDiffusionMelSchema.safeParse(raw);
  if (!parsed.success) throw configurationError(where, problemsOf(audioDiffusionMelSchema, raw, parsed.error.issues));
  return Object.freeze(parsed.data);
}
