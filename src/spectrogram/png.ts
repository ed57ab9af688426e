// Mel images as greyscale PNG that carry their codec. Knows no files.
import { encode, type DecodedPng } from 'fast-png';
import { MelstromError, messageOf } from '../base/errors.js';
import { melSchema, type MelSettings } from '../config/mel.js';
import { imageRows, storedMel } from '../config/mel-layout.js';
import { requireMelImage, type MelImage } from './mel-image.js';
import { readPng } from './read-png.js';

/** Text chunk with the codec's settings as JSON. */
export const MEL_TEXT_KEY = 'melstrom-mel';

export interface EncodeMelPngOptions {
  /** 16 keeps 1/65535 of the range (0.0013 dB by default); 8 keeps 1/255 (0.34 dB). Default 16. */
  readonly bitDepth?: 8 | 16;
}

/**
 * Encodes an image as greyscale PNG, low frequency at the bottom, white loud, with all settings as text. A stereo image is three such
 * pictures on top of one another: mid at the bottom, side, and at the top panning, grey in the middle, white left, black right.
 *
 * Values beyond [-1, 1] are clipped. @throws MelstromError when a value is not finite.
 */
export function encodeMelPng(image: MelImage, { bitDepth = 16 }: EncodeMelPngOptions = {}): Uint8Array {
  requireMelImage(image, 'mel PNG');
  const { settings, frameCount } = image;
  const rows = imageRows(settings);
  const full = 2 ** bitDepth - 1;
  const data = bitDepth === 16 ? new Uint16Array(image.data.length) : new Uint8Array(image.data.length);
  for (let row = 0; row < rows; row += 1) {
    const line = (rows - 1 - row) * frameCount;
    for (let n = 0; n < frameCount; n += 1) {
      const value = Math.min(Math.max(image.data[row * frameCount + n], -1), 1);
      data[line + n] = Math.round(((value + 1) / 2) * full);
    }
  }
  const text = { Software: 'Melstrom', [MEL_TEXT_KEY]: JSON.stringify(storedMel(settings)) };
  return encode({ width: frameCount, height: rows, data, depth: bitDepth, channels: 1, text });
}

export interface DecodeMelPngOptions {
  /** The codec of a PNG that carries none. Default: such a PNG is refused. */
  readonly assume?: MelSettings;
}

/**
 * Decodes a PNG made by encodeMelPng, 8 or 16 bits. `where` names the file in errors. Whether its codec is the one wanted
 * is for the caller to ask: `assertSameCodec(image.settings, wanted, where)`.
 *
 * @throws MelstromError of kind data when it is no PNG, is cut short or damaged, or is no mel image.
 */
export function decodeMelPng(bytes: Uint8Array, where: string, { assume }: DecodeMelPngOptions = {}): MelImage {
  const png = readPng(bytes, where);
  const { width, height, depth, channels, data } = png;
  if (channels !== 1 || png.palette !== undefined || (depth !== 8 && depth !== 16)) {
    const kind = png.palette === undefined ? `${channels} channel${channels === 1 ? '' : 's'}` : 'a palette';
    throw notMel(where, `${kind} of ${depth} bits`, 'greyscale of 8 or 16 bits');
  }
  const settings = readSettings(png, where, assume);
  const rows = imageRows(settings);
  if (height !== rows) throw notMel(where, `${height} rows`, rows === settings.melBins ? `${rows}, its own number of mel bins` : `${rows}, three times its own number of mel bins`);
  const full = 2 ** depth - 1;
  const values = new Float32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const line = (height - 1 - row) * width;
    for (let n = 0; n < width; n += 1) values[row * width + n] = (2 * data[line + n]) / full - 1;
  }
  return { settings, frameCount: width, data: values };
}

function readSettings(png: DecodedPng, where: string, assume: MelSettings | undefined): MelSettings {
  const text = png.text[MEL_TEXT_KEY];
  if (text === undefined) {
    if (assume !== undefined) return assume;
    throw notMel(where, `a PNG without the text "${MEL_TEXT_KEY}"`, 'a PNG that carries its mel settings');
  }
  try {
    return Object.freeze(melSchema.parse(JSON.parse(text)));
  } catch (error) {
    throw new MelstromError({
      kind: 'data',
      where,
      got: `mel settings that can't be read (${messageOf(error)})`,
      expected: 'the settings of a mel codec as JSON',
      fix: 'Encode the sound again.',
      cause: error,
    });
  }
}

function notMel(where: string, got: string, expected: string): MelstromError {
  return new MelstromError({ kind: 'data', where, got, expected, fix: 'Only images written by `melstrom encode` are known to be spectrograms.' });
}
