// Windows of real sound with their mel images: what the vocoder learns from. A pure function of seed and position. Knows no network and no file.
import { joinBlocks } from '../audio/resample.js';
import { createRandom, type Random } from '../base/random.js';
import type { MelSettings } from '../config/mel.js';
import { createChannelResampler } from '../dsp/resample.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { validationSplit, type SliceSource, type Split } from './corpus-source.js';
import { drawStart } from './crop-batch.js';

/** Random access to the sound behind each slice. */
export interface SoundReader {
  /** Unit: samples. */
  lengthOf(split: Split, index: number): number;
  /** Samples from `start` on; silence beyond the end. */
  read(split: Split, index: number, range: { readonly start: number; readonly count: number }): Float32Array;
}

/** A batch on the host. T = (N - 1) · hopSamples samples belong to N frames. */
export interface SoundBatch {
  /** Shape: [B, N, M], in [-1, 1]. */
  readonly mel: Float32Array;
  /** Shape: [B, T]. */
  readonly sound: Float32Array;
  /** Of the codec's transform, unscaled. Shape: [B, N, F]. */
  readonly magnitude: Float32Array;
  readonly indices: Int32Array;
}

export interface SoundWindows {
  readonly frames: number;
  readonly samples: number;
  /** A training batch: a pure function of the number of the pass. */
  draw(pass: number, batchSize: number): Promise<SoundBatch>;
  /** Always the same validation batches, spread evenly over the split, at the level that they were recorded at. */
  fixed(batchSize: number, limit: number): Iterable<SoundBatch>;
}

export interface SoundWindowsOptions {
  readonly corpus: SliceSource;
  readonly sounds: SoundReader;
  readonly mel: MelSettings;
  readonly windowFrames: number;
  /** Levels are moved by up to this many dB either way. */
  readonly gainDb: number;
  /** Training windows are played at one of these, pitch and all. Default 1 alone. */
  readonly speeds?: readonly number[];
  readonly seed: number;
}

/** Of a speed of 1: speeds are ratios of whole numbers. */
const SPEED_STEPS = 1000;

/** Windows begin at any sample, so that no place of an onset within a frame is special. The image is that of the sound as it stands, level included. */
export function createSoundWindows({ corpus, sounds, mel, windowFrames, gainDb, speeds = [1], seed }: SoundWindowsOptions): SoundWindows {
  const { hopSamples, fftSize, melBins } = mel;
  const codec = createMelCodec(mel);
  const samples = (windowFrames - 1) * hopSamples;
  const contextFrames = Math.ceil(fftSize / 2 / hopSamples);
  const { binCount } = codec.stft;

  const put = (batch: SoundBatch, item: number, { split, index, random, gain, speed }: { split: Split; index: number; random: Random; gain: number; speed: number }): void => {
    const length = Math.floor(sounds.lengthOf(split, index) / speed);
    const start = drawStart(Math.floor(length / hopSamples), windowFrames, random) * hopSamples + random.integer(hopSamples);
    const before = Math.min(contextFrames, Math.floor(start / hopSamples)); // frames that the slice still has; at its own ends the sound is mirrored, as a whole one's is
    const after = Math.min(contextFrames * hopSamples, Math.max(0, length - start - samples));
    const [first, count] = [start - before * hopSamples, before * hopSamples + samples + after];
    const played = speed === 1 ? sounds.read(split, index, { start: first, count }) : atSpeed(sounds.read(split, index, { start: Math.round(first * speed), count: Math.ceil(count * speed) + 1 }), { speed, count });
    const heard = played.map((sample) => gain * sample);
    batch.sound.set(heard.subarray(before * hopSamples, before * hopSamples + samples), item * samples);
    const { data, frameCount } = codec.analyse(heard);
    for (let row = 0; row < melBins; row += 1) {
      for (let frame = 0; frame < windowFrames; frame += 1) batch.mel[(item * windowFrames + frame) * melBins + row] = data[row * frameCount + before + frame];
    }
    const { re, im } = codec.stft.forward(heard);
    const [from, to] = [before * binCount, item * windowFrames * binCount];
    for (let cell = 0; cell < windowFrames * binCount; cell += 1) batch.magnitude[to + cell] = Math.sqrt(re[from + cell] ** 2 + im[from + cell] ** 2);
  };
  const empty = (indices: Int32Array): SoundBatch => {
    const count = indices.length * windowFrames;
    return { mel: new Float32Array(count * melBins), magnitude: new Float32Array(count * binCount), sound: new Float32Array(indices.length * samples), indices };
  };

  return {
    frames: windowFrames,
    samples,
    async draw(pass, batchSize) {
      const { indices } = await corpus.batch({ split: 'train', step: pass, batchSize, seed });
      const batch = empty(Int32Array.from(indices));
      const random = createRandom(seed, 'vocoder', 'window', pass);
      for (const [item, index] of batch.indices.entries()) put(batch, item, { split: 'train', index, gain: 10 ** ((gainDb * (2 * random.uniform() - 1)) / 20), speed: speeds.length === 1 ? speeds[0] : speeds[random.integer(speeds.length)], random });
      return batch;
    },
    *fixed(batchSize, limit) {
      const split = validationSplit(corpus);
      const available = corpus.sliceCount(split);
      const count = Math.min(available, limit);
      for (let first = 0; first < count; first += batchSize) {
        const batch = empty(Int32Array.from({ length: Math.min(batchSize, count - first) }, (_, item) => Math.floor(((first + item) * available) / count)));
        for (const [item, index] of batch.indices.entries()) put(batch, item, { split, index, gain: 1, speed: 1, random: createRandom(seed, 'vocoder', 'validation', index) });
        yield batch;
      }
    },
  };
}

/** Shape: [ceil(count·speed) + 1] -> [count]. */
function atSpeed(samples: Float32Array, { speed, count }: { readonly speed: number; readonly count: number }): Float32Array {
  const resampler = createChannelResampler(Math.round(speed * SPEED_STEPS), SPEED_STEPS);
  return joinBlocks([resampler.process(samples), resampler.flush()]).slice(0, count);
}
