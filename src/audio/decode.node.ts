// Opens sound files of every format that is read here, always at the file's own rate.
import { readAiffHeader } from './aiff-header.js';
import { guardStream, type AudioSource, type DecodedStream } from './audio-source.js';
import { openBytes } from './byte-reader.node.js';
import { badAudio, type ByteReader } from './byte-reader.js';
import { createClip, type Clip } from './clip.js';
import { openFlac, openMp3, openOgg } from './compressed.node.js';
import { ID3_HEAD_BYTES, id3Bytes } from './id3.js';
import { streamPcm } from './pcm-stream.js';
import { joinBlocks } from './resample.js';
import { SNIFF_LENGTH, sniffFormat } from './sniff.js';
import { readWavHeader } from './wav-header.js';

export type { AudioSource } from './audio-source.js';

/** File name endings under which sound is looked for; the content decides what a file really is. */
export const AUDIO_EXTENSIONS: readonly string[] = ['.wav', '.wave', '.bwf', '.rf64', '.flac', '.mp3', '.ogg', '.oga', '.opus', '.aif', '.aiff', '.aifc'];

/**
 * Opens a sound file for reading block by block; the content, not the name, decides the format.
 *
 * Memory: close the source. A block is a few megabytes, whatever the length of the file.
 * @throws MelstromError of kind 'data' that names the file: missing, empty, truncated, no sound, or a format not read here
 */
export async function openAudio(path: string): Promise<AudioSource> {
  const file = await openBytes(path);
  try {
    return { ...guardStream(path, await openStream(file)), close: () => file.close() };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** Reads a whole file at its own rate. @throws MelstromError as `openAudio` */
export async function decodeFile(path: string): Promise<Clip> {
  const source = await openAudio(path);
  try {
    const parts: Float32Array[][] = Array.from({ length: source.channelCount }, () => []);
    for await (const block of source.blocks()) block.forEach((channel, index) => parts[index].push(channel));
    return createClip(source.sampleRateHz, parts.map(joinBlocks));
  } finally {
    await source.close();
  }
}

async function openStream(file: ByteReader): Promise<DecodedStream> {
  const tagBytes = id3Bytes(await file.read(0, ID3_HEAD_BYTES));
  const head = await file.read(tagBytes, SNIFF_LENGTH);
  const sniffed = sniffFormat(head) ?? (tagBytes > 0 ? ({ format: 'mp3' } as const) : null);
  if (sniffed === null || 'foreign' in sniffed) {
    throw badAudio(file.path, sniffed === null ? 'no sound format that is known' : sniffed.foreign, {
      expected: 'WAV, FLAC, MP3, Ogg (Vorbis, Opus, FLAC) or AIFF',
      fix: sniffed === null ? undefined : 'Convert it to WAV or FLAC, or leave it out.',
    });
  }
  switch (sniffed.format) {
    case 'wav':
      return streamPcm(file, await readWavHeader(file));
    case 'aiff':
      return streamPcm(file, await readAiffHeader(file));
    case 'flac':
      return openFlac(file, tagBytes);
    case 'mp3':
      return openMp3(file);
    case 'ogg':
      return openOgg(file);
  }
}
