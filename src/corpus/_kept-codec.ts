// The codec of the last file, kept: all files of a corpus have one.
import type { MelSettings } from '../config/mel.js';
import { createImageCodec, type ImageCodec } from '../spectrogram/image-codec.js';

let kept: { readonly key: string; readonly codec: ImageCodec } | null = null;

/** The codec of these settings, the same object as long as they stay. It serves one file at a time. Memory: one codec per thread. */
export function keptCodec(mel: MelSettings): ImageCodec {
  const key = JSON.stringify(mel);
  if (kept?.key !== key) kept = { key, codec: createImageCodec(mel) };
  return kept.codec;
}
