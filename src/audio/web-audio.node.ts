// Loads node-web-audio-api, which needs the system's sound library, and decodes whole files with it.
import { MelstromError, messageOf } from '../base/errors.js';

export type WebAudio = typeof import('node-web-audio-api');

let loading: Promise<WebAudio> | null = null;

/** Loads the package once. @throws MelstromError of kind 'engine' that names what is missing and the command that installs it */
export function loadWebAudio(): Promise<WebAudio> {
  loading ??= import('node-web-audio-api').catch((cause: unknown) => {
    throw webAudioError(cause);
  });
  return loading;
}

/** True when the package and the libraries it needs are there. */
export async function hasWebAudio(): Promise<boolean> {
  return loadWebAudio().then(
    () => true,
    () => false,
  );
}

/** Says in words why node-web-audio-api did not load. */
export function webAudioError(cause: unknown): MelstromError {
  const deeper = (cause as { cause?: unknown } | null)?.cause;
  const message = deeper === undefined ? messageOf(cause) : messageOf(deeper);
  const isSoundLibraryMissing = /libasound/.test(message);
  return new MelstromError({
    kind: 'engine',
    where: 'node-web-audio-api',
    got: isSoundLibraryMissing ? 'the system library libasound.so.2 is missing' : `it does not load (${message.split('\n')[0]})`,
    fix: isSoundLibraryMissing
      ? 'Install it: `apt-get install libasound2` on Debian and Ubuntu (`libasound2t64` from Ubuntu 24.04 on), `dnf install alsa-lib` on Fedora. Reading and writing sound files works without it.'
      : 'Run `npm ci` again; reading and writing sound files works without it.',
    cause,
  });
}

/** Decodes a whole file at the given rate, which must be the file's own: the package resamples without an anti-alias filter. */
export async function decodeWithWebAudio(bytes: Uint8Array, sampleRateHz: number): Promise<Float32Array[]> {
  const { OfflineAudioContext } = await loadWebAudio();
  const context = new OfflineAudioContext(1, 1, sampleRateHz);
  const exact = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
  const buffer = await context.decodeAudioData(exact as ArrayBuffer);
  return Array.from({ length: buffer.numberOfChannels }, (_, index) => buffer.getChannelData(index));
}
