// Windows of real sound with their mel images: what the vocoder learns from. A pure function of seed and position. Knows no network and no file.
import { createRandom, type Random } from '../base/random.js';
import type { MelSettings } from '../config/mel.js';
import { spectrumRows } from '../dsp/spectrum-rows.js';
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
  /** What the classical inverter made of the same windows, where the split has it. Shape: [B, T]. */
  readonly inverted?: Float32Array;
  /** The spectrum of that. Shape: [B, N, 2·F], real parts then imaginary parts. */
  readonly start?: Float32Array;
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
  /** What the classical inverter makes of each slice, for the splits whose windows are to carry it. Default none. */
  readonly inverted?: Partial<Readonly<Record<Split, SoundReader>>>;
  readonly mel: MelSettings;
  readonly windowFrames: number;
  /** Levels are moved by up to this many dB either way. */
  readonly gainDb: number;
  readonly seed: number;
}

/** Windows begin at any sample, so that no place of an onset within a frame is special. The image is that of the sound as it stands, level included. */
export function createSoundWindows({ corpus, sounds, inverted = {}, mel, windowFrames, gainDb, seed }: SoundWindowsOptions): SoundWindows {
  const { hopSamples, fftSize, melBins } = mel;
  const codec = createMelCodec(mel);
  const samples = (windowFrames - 1) * hopSamples;
  const contextFrames = Math.ceil(fftSize / 2 / hopSamples);
  const { binCount } = codec.stft;

  const put = (batch: SoundBatch, item: number, { split, index, random, gain }: { split: Split; index: number; random: Random; gain: number }): void => {
    const length = sounds.lengthOf(split, index);
    const start = drawStart(Math.floor(length / hopSamples), windowFrames, random) * hopSamples + random.integer(hopSamples);
    const before = Math.min(contextFrames, Math.floor(start / hopSamples)); // frames that the slice still has; at its own ends the sound is mirrored, as a whole one's is
    const after = Math.min(contextFrames * hopSamples, Math.max(0, length - start - samples));
    const read = (reader: SoundReader): Float32Array => reader.read(split, index, { start: start - before * hopSamples, count: before * hopSamples + samples + after }).map((sample) => gain * sample);
    const heard = read(sounds);
    batch.sound.set(heard.subarray(before * hopSamples, before * hopSamples + samples), item * samples);
    const { data, frameCount } = codec.analyse(heard);
    for (let row = 0; row < melBins; row += 1) {
      for (let frame = 0; frame < windowFrames; frame += 1) batch.mel[(item * windowFrames + frame) * melBins + row] = data[row * frameCount + before + frame];
    }
    const inverter = inverted[split];
    if (inverter === undefined) return;
    const made = read(inverter);
    batch.inverted!.set(made.subarray(before * hopSamples, before * hopSamples + samples), item * samples);
    batch.start!.set(spectrumRows(codec.stft.forward(made), { from: before, to: before + windowFrames }), item * windowFrames * 2 * binCount);
  };
  const empty = (split: Split, indices: Int32Array): SoundBatch => ({
    mel: new Float32Array(indices.length * windowFrames * melBins), sound: new Float32Array(indices.length * samples), indices,
    ...(inverted[split] && { inverted: new Float32Array(indices.length * samples), start: new Float32Array(indices.length * windowFrames * 2 * binCount) }),
  });

  return {
    frames: windowFrames,
    samples,
    async draw(pass, batchSize) {
      const { indices } = await corpus.batch({ split: 'train', step: pass, batchSize, seed });
      const batch = empty('train', Int32Array.from(indices));
      const random = createRandom(seed, 'vocoder', 'window', pass);
      for (const [item, index] of batch.indices.entries()) put(batch, item, { split: 'train', index, gain: 10 ** ((gainDb * (2 * random.uniform() - 1)) / 20), random });
      return batch;
    },
    *fixed(batchSize, limit) {
      const split = validationSplit(corpus);
      const available = corpus.sliceCount(split);
      const count = Math.min(available, limit);
      for (let first = 0; first < count; first += batchSize) {
        const batch = empty(split, Int32Array.from({ length: Math.min(batchSize, count - first) }, (_, item) => Math.floor(((first + item) * available) / count)));
        for (const [item, index] of batch.indices.entries()) put(batch, item, { split, index, gain: 1, random: createRandom(seed, 'vocoder', 'validation', index) });
        yield batch;
      }
    },
  };
}
