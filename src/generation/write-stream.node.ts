// Writes a long clip as it is made: its samples go to a file of their own first, channel beside channel, since only its end tells how far it is to be turned down.
import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isOn16BitSteps } from '../audio/encode-wav.js';
import { createWavChunks } from '../audio/wav-chunks.js';
import { refuseExisting, writeWhole, writeWholeBy } from '../audio/write-whole.node.js';
import { joinFrames } from '../spectrogram/frames.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { encodeMelPng } from '../spectrogram/png.js';
import type { ClipRecord, Sidecar } from './sidecar.js';
import type { ClipStream } from './stream.js';
import { pathFrom, pathsOf, type WriteOptions, type WrittenClip } from './write.node.js';

/** Samples, of all channels together, that are read back and encoded at once. */
const CHUNK_SAMPLES = 1 << 18;
const FLOAT_BYTES = 4;

/** Writes clips as streamClips draws them. When it stops early, the clips written so far stay, each complete, and nothing of the one at work. */
export async function* writeStreams(folder: string, names: readonly string[], clips: AsyncIterable<ClipStream>, options: WriteOptions = {}): AsyncGenerator<WrittenClip> {
  for await (const clip of clips) yield await writeStream(folder, names[clip.index], clip, options);
}

/**
 * Writes one clip's WAV and JSON, and its PNG on request: the bytes that writeClip gives of the whole.
 *
 * Memory: does not grow with the clip, but for the image of one whose PNG is written, four bytes a cell. Of the disk it takes its samples
 * as float32 beside the file until that is there.
 * @throws MelstromError when a file cannot be written; what drawing throws
 */
export async function writeStream(folder: string, name: string, clip: ClipStream, options: WriteOptions = {}): Promise<WrittenClip> {
  const { bitDepth = 24, png = false, force = false, run = null } = options;
  const [wav, json, picture] = pathsOf(folder, name, png);
  if (!force) for (const path of pathsOf(folder, name, png)) await refuseExisting(path);
  const temporary = join(folder, `.melstrom-${process.pid}-${name}.part`);
  const samples = await open(temporary, 'w+');
  try {
    const images: MelImage[] = [];
    const { sidecar, peak } = await spill(clip, samples, (image) => {
      if (png) images.push(image);
    });
    const gain = bitDepth === 32 || peak <= 1 ? 1 : peak;
    const chunks = createWavChunks({ ...clip, bitDepth, isDithered: bitDepth === 16 && !(await isOnSteps(readBack(samples, gain, clip.channelCount))) });
    const hash = createHash('sha256');
    const gainDb = gain === 1 ? 0 : -20 * Math.log10(gain);
    const written: string[] = [];
    const put = async (path: string, contents: Uint8Array | string): Promise<void> => {
      await writeWhole(path, contents, { force });
      written.push(path);
    };
    try {
      await writeWholeBy(wav, async (handle) => {
        const append = async (bytes: Uint8Array): Promise<void> => {
          hash.update(bytes);
          await handle.writeFile(bytes);
        };
        await append(chunks.header);
        for await (const piece of readBack(samples, gain, clip.channelCount)) await append(chunks.encode(apart(piece, clip.channelCount)));
        await append(chunks.end);
        const record: ClipRecord = { file: `${name}.wav`, run: run === null ? null : pathFrom(folder, run), ...sidecar, bitDepth, gainDb, sha256: hash.digest('hex') };
        await put(json, `${JSON.stringify(record, null, 2)}\n`);
        if (png) await put(picture, encodeMelPng(joinFrames(images)));
      }, { force });
    } catch (thrown) {
      await Promise.all(written.map((path) => rm(path, { force: true })));
      throw thrown;
    }
    return { wav, json, png: png ? picture : null, gainDb };
  } finally {
    await samples.close();
    await rm(temporary, { force: true });
  }
}

/** Reads a clip into a file, and hands on its image. */
async function spill({ pieces }: ClipStream, file: FileHandle, onImage: (image: MelImage) => void): Promise<{ readonly sidecar: Sidecar; readonly peak: number }> {
  let peak = 0;
  try {
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) return { sidecar: value, peak };
      onImage(value.image);
      const samples = beside(value.channels);
      for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
      await file.writeFile(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
    }
  } finally {
    await pieces.return(undefined as never); // frees what it holds when the disk is full
  }
}

/** The samples of a file from its start, those of all channels together, turned down by a gain. */
async function* readBack(file: FileHandle, gain: number, channelCount: number): AsyncGenerator<Float32Array> {
  const buffer = new Float32Array(CHUNK_SAMPLES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(new Uint8Array(buffer.buffer), 0, buffer.byteLength, position);
    if (bytesRead === 0) return;
    const sampleCount = Math.floor(bytesRead / (FLOAT_BYTES * channelCount)) * channelCount;
    position += sampleCount * FLOAT_BYTES;
    const piece = buffer.slice(0, sampleCount);
    yield gain === 1 ? piece : piece.map((sample) => Math.max(-1, Math.min(1, sample / gain)));
  }
}

async function isOnSteps(pieces: AsyncIterable<Float32Array>): Promise<boolean> {
  for await (const piece of pieces) if (!isOn16BitSteps(piece)) return false;
  return true;
}

/** Shape: [n] per channel -> [n*channels]. */
function beside(channels: readonly Float32Array[]): Float32Array {
  if (channels.length === 1) return channels[0];
  return Float32Array.from({ length: channels.length * channels[0].length }, (_, index) => channels[index % channels.length][Math.floor(index / channels.length)]);
}

/** Shape: [n*channels] -> [n] per channel. */
function apart(samples: Float32Array, count: number): Float32Array[] {
  if (count === 1) return [samples];
  return Array.from({ length: count }, (_, channel) => Float32Array.from({ length: samples.length / count }, (__, index) => samples[index * count + channel]));
}
