// Sounds that go into an operation: checked against the model, brought to the length of its slice, seen as images and latents.
import * as tf from '@tensorflow/tfjs';
import type { Clip } from '../audio/clip.js';
import type { DownmixRule } from '../audio/downmix.js';
import { joinBlocks } from '../audio/resample.js';
import { MelstromError } from '../base/errors.js';
import { imageRows } from '../config/mel-layout.js';
import { imagesToTensor } from '../pipeline/image-tensor.js';
import { encodeLatents } from '../pipeline/latents.js';
import { sha256 } from '../pipeline/hash.js';
import { frameMultiple, type Pipeline } from '../pipeline/pipeline.js';
import { createImageCodec, type ImageCodec } from '../spectrogram/image-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { InputRecord } from './operation.js';

/** A sound that an operation is given. */
export interface InputSound extends Clip {
  /** Where it came from, for the record and for errors. */
  readonly file?: string;
  /** How its channels were made one, for the record. */
  readonly downmix?: DownmixRule;
}

/** Samples of the longest sound whose image is as wide as the slice. */
export function longestSound({ frames, hopSamples }: Pipeline['mel']): number {
  return frames * hopSamples - 1;
}

/** One array per channel of the model, all of one length. */
export type SoundSamples = readonly Float32Array[];

/**
 * The channels of a sound at the model's rate.
 *
 * @throws MelstromError that names the sound, and what does not fit
 */
export function requireSound(pipeline: Pipeline, sound: InputSound, where: string): SoundSamples {
  const { sampleRateHz, channels: count } = pipeline.mel;
  const name = sound.file ?? where;
  if (sound.sampleRateHz !== sampleRateHz) {
    throw new MelstromError({ kind: 'data', where: name, got: `${sound.sampleRateHz} Hz`, expected: `${sampleRateHz} Hz, the model's rate`, fix: 'Resample it first; on the command line, --resample does.' });
  }
  const { channels } = sound;
  if (channels.length !== count) {
    throw new MelstromError({ kind: 'data', where: name, got: `${channels.length} channels`, expected: `${count}, as the model has`, fix: count === 1 ? 'Mix it down first.' : 'Give left and right, the same twice where there is one.' });
  }
  if (channels[0].length === 0) throw new MelstromError({ kind: 'data', where: name, got: 'no samples', expected: 'a sound' });
  return channels;
}

/** As requireSound. @throws MelstromError also when it is longer than the model's slice */
export function requireSlice(pipeline: Pipeline, sound: InputSound, where: string): SoundSamples {
  const channels = requireSound(pipeline, sound, where);
  const [samples] = channels;
  const longest = longestSound(pipeline.mel);
  if (samples.length <= longest) return channels;
  const seconds = (count: number): string => (count / pipeline.mel.sampleRateHz).toFixed(2);
  throw new MelstromError({
    kind: 'data', where: sound.file ?? where, got: `${seconds(samples.length)} s`, expected: `at most ${seconds(longest)} s, the ${pipeline.mel.frames} frames that the model was trained on`, fix: 'Cut it, and take the pieces one by one.',
  });
}

/** Fills a sound with silence to the slice. Shape: [T] -> [max(T, (frames - 1)·hopSamples)]. */
export function padToSlice({ frames, hopSamples }: Pipeline['mel'], samples: Float32Array): Float32Array {
  const padded = new Float32Array(Math.max(samples.length, (frames - 1) * hopSamples));
  padded.set(samples);
  return padded;
}

/** What images are made with: one codec for all sounds of a request. */
export interface SoundEncoder {
  /** Shape: at most a slice -> [M, frames], of stereo sound [3·M, frames]. */
  image(samples: SoundSamples): MelImage;
  /** Images as what the networks come to: latents, by the posterior's mean, or cells. Shape: [B, H, W, C]. Memory: the caller disposes. */
  latents(images: readonly MelImage[]): tf.Tensor4D;
}

/** @throws MelstromError for a model whose slice its networks do not fit */
export function createSoundEncoder(pipeline: Pipeline): SoundEncoder {
  const { mel } = pipeline;
  if (mel.frames % frameMultiple(pipeline) !== 0) {
    throw new MelstromError({ kind: 'checkpoint', where: 'pipeline: mel', got: `${mel.frames} frames`, expected: `a multiple of ${frameMultiple(pipeline)}` });
  }
  let codec: ImageCodec | null = null;
  return {
    image(samples) {
      codec ??= createImageCodec(mel);
      return codec.analyse(samples.map((channel) => padToSlice(mel, channel)));
    },
    latents(images) {
      return tf.tidy(() => {
        const values = new Float32Array(images.length * imageRows(mel) * mel.frames);
        images.forEach(({ data }, item) => values.set(data, item * data.length));
        return encodeLatents(pipeline, imagesToTensor(values, mel), null);
      });
    },
  };
}

/** What the record says of a sound. */
export async function recordSound(channels: SoundSamples, { file, downmix }: Pick<InputSound, 'file' | 'downmix'> = {}): Promise<InputRecord> {
  const samples = joinBlocks(channels);
  return { sha256: await sha256(new Uint8Array(samples.buffer)), sampleCount: channels[0].length, ...(file === undefined ? {} : { file }), ...(downmix === undefined ? {} : { downmix }) };
}
