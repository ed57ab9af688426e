// The layouts of spectrogram images that are read and written here, and which one an image has.
import { MelstromError } from '../../base/errors.js';
import { MEL_TEXT_KEY } from '../png.js';
import { readPng } from '../read-png.js';
import { isOwnAudioDiffusionPng } from './audio-diffusion.js';
import { isRiffusionPng } from './riffusion.js';

/** melstrom: our own; riffusion: Riffusion's; audio-diffusion: that of the `Mel` class of audio-diffusion. */
export const LAYOUTS = ['melstrom', 'riffusion', 'audio-diffusion'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Tells by its metadata which layout an image has. @throws MelstromError of kind data when nothing tells. */
export function detectLayout(bytes: Uint8Array, where: string): Layout {
  const { text } = readPng(bytes, where);
  if (text[MEL_TEXT_KEY] !== undefined) return 'melstrom';
  if (isRiffusionPng(bytes)) return 'riffusion';
  if (isOwnAudioDiffusionPng(bytes)) return 'audio-diffusion';
  throw new MelstromError({
    kind: 'data',
    where,
    got: 'a PNG that carries no spectrogram parameters',
    expected: "an image written by `melstrom encode`, or one with Riffusion's EXIF data",
    fix: 'Say what it is with --layout riffusion or --layout audio-diffusion.',
  });
}
