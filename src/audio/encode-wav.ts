// Sound as the bytes of a WAV file. Knows no file system.
import wavEncoder from 'wav-encoder';
import { MelstromError } from '../base/errors.js';
import { createRandom, type Random } from '../base/random.js';
import { createClip, type Clip } from './clip.js';

export interface EncodeWavOptions {
  /** 16: integer with dither; 24: integer; 32: floating point, which may exceed full scale. */
  readonly bitDepth: 16 | 24 | 32;
  /** Seed of the dither; the same seed gives the same bytes. Default 0. */
  readonly seed?: number;
  /** What to do with a peak above full scale in an integer file: refuse, or turn the whole clip down. Default 'error'. */
  readonly onClip?: 'error' | 'normalise';
}

const LARGEST_WAV_BYTES = 0xffffffff;

/**
 * Encodes a clip. 16 bits get triangular dither of ±1 step, unless every sample already lies on a 16-bit step, so that silence
 * stays silence and 16-bit sound comes back bit for bit.
 *
 * @throws MelstromError when a sample is not finite, exceeds full scale (under onClip 'error'), or the file would exceed 4 GB
 */
export async function encodeWav(clip: Clip, options: EncodeWavOptions): Promise<Uint8Array> {
  const { bitDepth, seed = 0, onClip = 'error' } = options;
  const { sampleRateHz, channels } = createClip(clip.sampleRateHz, clip.channels);
  if (!Number.isInteger(sampleRateHz)) {
    throw new MelstromError({ kind: 'usage', where: 'WAV: sampleRateHz', got: String(sampleRateHz), expected: 'a whole number of hertz' });
  }
  const byteCount = (channels[0].length * channels.length * bitDepth) / 8;
  if (byteCount + 64 > LARGEST_WAV_BYTES) {
    throw new MelstromError({ kind: 'usage', where: 'WAV', got: `${byteCount} bytes of sound`, expected: 'less than 4 GB', fix: 'Write several shorter files.' });
  }
  const peak = finitePeak(channels);
  const gain = bitDepth === 32 ? 1 : clipGain(peak, onClip);
  const levelled = gain === 1 ? channels : channels.map((channel) => channel.map((value) => value * gain));
  const ready = bitDepth === 16 ? dither(levelled, seed) : levelled;
  const bytes = wavEncoder.encode.sync(
    { sampleRate: sampleRateHz, channelData: [...ready] },
    bitDepth === 32 ? { float: true } : { bitDepth, symmetric: true },
  );
  return padToEven(new Uint8Array(bytes));
}

function finitePeak(channels: readonly Float32Array[]): number {
  let peak = 0;
  channels.forEach((channel, index) => {
    for (let at = 0; at < channel.length; at += 1) {
      const size = Math.abs(channel[at]);
      if (!Number.isFinite(size)) {
        throw new MelstromError({ kind: 'numeric', where: 'WAV', got: `${channel[at]} at sample ${at} of channel ${index}`, expected: 'finite numbers' });
      }
      if (size > peak) peak = size;
    }
  });
  return peak;
}

function clipGain(peak: number, onClip: 'error' | 'normalise'): number {
  if (peak <= 1) return 1;
  if (onClip === 'normalise') return 1 / peak;
  throw new MelstromError({
    kind: 'data',
    where: 'WAV',
    got: `a peak of ${peak.toFixed(4)} (${(20 * Math.log10(peak)).toFixed(2)} dBFS)`,
    expected: 'at most 1 (0 dBFS), because louder samples would be clipped',
    fix: 'Turn it down, let it be normalised, or write 32-bit float.',
  });
}

/** Adds the difference of two uniform draws, ±1 step wide, before the encoder rounds. */
function dither(channels: readonly Float32Array[], seed: number): readonly Float32Array[] {
  if (channels.every(isOn16BitSteps)) return channels;
  return channels.map((channel, index) => addDither(channel, ditherOf(seed, index)));
}

/** Whether 16 bits hold every sample as it is. */
export function isOn16BitSteps(samples: Float32Array): boolean {
  return samples.every((value) => Number.isInteger(value * 32768));
}

/** The random sequence of a channel's dither. */
export function ditherOf(seed: number, channel: number): Random {
  return createRandom(seed, 'dither', channel);
}

/** Mutates: the position of random. */
export function addDither(samples: Float32Array, random: Random): Float32Array {
  return samples.map((value) => value + (random.uniform() - random.uniform()) / 32768);
}

/** RIFF chunks have even sizes; the encoder leaves the padding byte out. */
function padToEven(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 2 === 0) return bytes;
  const padded = new Uint8Array(bytes.length + 1);
  padded.set(bytes);
  new DataView(padded.buffer).setUint32(4, padded.length - 8, true);
  return padded;
}
