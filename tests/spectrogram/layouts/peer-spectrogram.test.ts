import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/base/random.js';
import { audioDiffusionMelSchema, defaultAudioDiffusionMel } from '../../../src/config/audio-diffusion-mel.js';
import { defaultRiffusionSettings, riffusionSchema } from '../../../src/config/riffusion.js';
import { createRealFft } from '../../../src/dsp/real-fft.js';
import { decodeAudioDiffusionPng, encodeAudioDiffusionPng } from '../../../src/spectrogram/layouts/audio-diffusion.js';
import { invertPeerSpectrogram, nearestPowerOfTwo, type PeerSpectrogram } from '../../../src/spectrogram/layouts/peer-spectrogram.js';
import { decodeRiffusionPng, encodeRiffusionPng } from '../../../src/spectrogram/layouts/riffusion.js';

const FFT_SIZE = 4096;

/** Hertz of the strongest partial in the middle of a sound. */
function pitchOf(sound: Float32Array, sampleRateHz: number): number {
  const start = Math.floor((sound.length - FFT_SIZE) / 2);
  const { forward, binCount } = createRealFft(FFT_SIZE);
  const [re, im] = [new Float64Array(binCount), new Float64Array(binCount)];
  forward(Float64Array.from({ length: FFT_SIZE }, (_, index) => sound[start + index] * Math.sin((Math.PI * index) / FFT_SIZE) ** 2), re, im);
  const level = re.map((value, bin) => Math.log(Math.hypot(value, im[bin]) + 1e-30));
  const peak = level.indexOf(level.reduce((a, b) => Math.max(a, b), -Infinity));
  const [below, at, above] = level.subarray(peak - 1, peak + 2);
  return ((peak + (below - above) / (2 * (below - 2 * at + above))) * sampleRateHz) / FFT_SIZE;
}

/** Decibels of the middle half. */
function levelDb(sound: Float32Array): number {
  const middle = sound.subarray(Math.floor(sound.length / 4), Math.floor((3 * sound.length) / 4));
  return 10 * Math.log10(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
}

const sine = (hz: number, sampleRateHz: number, count: number): Float32Array => Float32Array.from({ length: count }, (_, index) => 0.5 * Math.sin((2 * Math.PI * hz * index) / sampleRateHz));
const cents = (got: number, wanted: number): number => 1200 * Math.abs(Math.log2(got / wanted));

/** Riffusion at 16 kHz with transforms of `paddedMilliseconds`. */
function throughRiffusion(signal: Float32Array, paddedMilliseconds: number): PeerSpectrogram {
  const settings = riffusionSchema.parse({ sampleRateHz: 16_000, paddedMilliseconds, melBins: 256, maxHz: 8000 });
  return decodeRiffusionPng(encodeRiffusionPng({ sampleRateHz: 16_000, channels: [signal] }, settings), 'x.png');
}

const mel = audioDiffusionMelSchema.parse({ x_res: null, y_res: 128, sample_rate: 16_000, n_fft: 1024, hop_length: 256 });
const throughMel = (signal: Float32Array): PeerSpectrogram => decodeAudioDiffusionPng(encodeAudioDiffusionPng(signal, mel), 'x.png');

describe('invertPeerSpectrogram', () => {
  // Transforms of 6400 and 3200 samples become 8192 and 4096: 1.28 times the size; 4800 become 4096, 0.85 times.
  it.each([[400, 220], [400, 3000], [200, 1000], [300, 1000], [300, 5000]])('brings Riffusion back at pitch and level: transforms of %i ms, %i Hz', (paddedMilliseconds, hz) => {
    const signal = sine(hz, 16_000, 8000);
    const { sampleRateHz, channels } = invertPeerSpectrogram(throughRiffusion(signal, paddedMilliseconds), { iterations: 16 });
    expect([sampleRateHz, channels.length, channels[0].length]).toEqual([16_000, 1, 8000]);
    expect(cents(pitchOf(channels[0], 16_000), hz)).toBeLessThan(12);
    expect(Math.abs(levelDb(channels[0]) - levelDb(signal))).toBeLessThan(0.7);
  });

  it('brings an image of the default size back at pitch and level', () => {
    const signal = sine(440, 44_100, 13_230);
    const png = encodeRiffusionPng({ sampleRateHz: 44_100, channels: [signal] }, defaultRiffusionSettings);
    const [sound] = invertPeerSpectrogram(decodeRiffusionPng(png, 'x.png'), { iterations: 6 }).channels;
    expect(cents(pitchOf(sound, 44_100), 440)).toBeLessThan(12);
    expect(Math.abs(levelDb(sound) - levelDb(signal))).toBeLessThan(0.3);
  });

  it.each([110, 440, 3000])('brings audio-diffusion back at pitch and level: %i Hz', (hz) => {
    const signal = sine(hz, 16_000, 12_000);
    const [sound] = invertPeerSpectrogram(throughMel(signal), { iterations: 16 }).channels;
    expect(cents(pitchOf(sound, 16_000), hz)).toBeLessThan(25);
    expect(Math.abs(levelDb(sound) - levelDb(signal))).toBeLessThan(0.5);
  });

  it('keeps the level of noise', () => {
    const noise = createRandom(4, 'peer noise').normals(8000).map((sample) => sample / 10);
    for (const spectrogram of [throughRiffusion(noise, 400), throughMel(noise)]) {
      const [sound] = invertPeerSpectrogram(spectrogram, { iterations: 8 }).channels;
      expect(Math.abs(levelDb(sound) - levelDb(noise))).toBeLessThan(0.7);
    }
  });

  it('keeps two channels apart, and silence silent', () => {
    const settings = riffusionSchema.parse({ sampleRateHz: 16_000, isStereo: true, melBins: 128, maxHz: 8000, paddedMilliseconds: 200 });
    const left = sine(500, 16_000, 6400);
    const png = encodeRiffusionPng({ sampleRateHz: 16_000, channels: [left, new Float32Array(6400)] }, settings);
    const { channels } = invertPeerSpectrogram(decodeRiffusionPng(png, 'x.png'), { iterations: 4 });
    // Twice what one channel above is held to: the rows are 100 cents apart here, and 4 iterations leave the tone where their slopes put it.
    expect(cents(pitchOf(channels[0], 16_000), 500)).toBeLessThan(25);
    expect(channels[1].every((sample) => sample === 0)).toBe(true);
  });

  it('gives sounds of unknown level a peak of -1 dBFS, and silence none', () => {
    const known = throughMel(sine(440, 16_000, 4000));
    const peakOf = (spectrogram: PeerSpectrogram): number => invertPeerSpectrogram(spectrogram, { iterations: 2 }).channels[0].reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(peakOf({ ...known, isLevelKnown: false })).toBeCloseTo(10 ** (-1 / 20), 5);
    expect(peakOf({ ...known, isLevelKnown: false, channels: [new Float32Array(known.channels[0].length)] })).toBe(0);
  });

  it('gives the same bytes for the same seed, and others for another', () => {
    const spectrogram = throughMel(sine(440, 16_000, 3000));
    const [a, b, c] = [1, 1, 2].map((seed) => invertPeerSpectrogram(spectrogram, { iterations: 2, seed }).channels[0]);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it('has an answer at the defaults of audio-diffusion', () => {
    const image = decodeAudioDiffusionPng(encodeAudioDiffusionPng(sine(440, 22_050, 6000), { ...defaultAudioDiffusionMel, x_res: 14 }), 'x.png');
    expect(Math.abs(levelDb(invertPeerSpectrogram(image, { iterations: 4 }).channels[0].subarray(0, 6000)) - levelDb(sine(440, 22_050, 6000)))).toBeLessThan(0.7);
  });
});

describe('nearestPowerOfTwo', () => {
  it('is nearest by ratio and holds the window', () => {
    expect([17_640, 2048, 8820, 24_000, 100, 3].map((size) => nearestPowerOfTwo(size, 2))).toEqual([16_384, 2048, 8192, 32_768, 128, 8]);
    expect(nearestPowerOfTwo(4410, 4410)).toBe(8192);
  });
});
