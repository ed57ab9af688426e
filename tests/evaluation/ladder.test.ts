// The ladder's own measures on sounds whose faults are known, and what it says of them.
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { bandwidthHz } from '../../src/evaluation/bandwidth.js';
import { judgeLadder } from '../../src/evaluation/ladder-verdict.js';
import { compareOnsets } from '../../src/evaluation/onset-timing.js';
import { estimateMean, measureRung, summariseRung, type RungFigures } from '../../src/evaluation/rung-figures.js';
import { createImageCodec } from '../../src/spectrogram/image-codec.js';
import { renderDifferencePng } from '../../src/spectrogram/render-difference.js';

const RATE_HZ = 16_000;
const noise = (count: number): Float32Array => createRandom(3, 'ladder').normals(count).map((value) => 0.1 * value);

/** Decaying bursts at the given samples. */
function bursts(starts: readonly number[], count = 12_000): Float32Array {
  const source = noise(count);
  return source.map((value, index) => starts.reduce((sum, start) => sum + (index < start ? 0 : 5 * value * Math.exp(-(index - start) / 300)), 0));
}

function delayed(signal: Float32Array, samples: number): Float32Array {
  return signal.map((_, index) => signal[index - samples] ?? 0);
}

describe('onset timing', () => {
  const original = bursts([1000, 5000, 9000]);

  it('reads a delay to a fraction of a millisecond', () => {
    expect(compareOnsets(original, original, RATE_HZ)).toEqual({ errorMs: 0, onsets: 3, missed: 0 });
    for (const samples of [64, 96, 320]) expect(Math.abs(compareOnsets(original, delayed(original, samples), RATE_HZ).errorMs - (1000 * samples) / RATE_HZ)).toBeLessThan(1);
  });

  it('counts what the copy does not have, and nothing for silence', () => {
    expect(compareOnsets(original, bursts([1000, 9000]), RATE_HZ)).toMatchObject({ onsets: 3, missed: 1 });
    expect(compareOnsets(new Float32Array(4000), original.subarray(0, 4000), RATE_HZ)).toEqual({ errorMs: NaN, onsets: 0, missed: 0 });
  });
});

describe('bandwidth', () => {
  it('is half the rate for noise, the tone for a tone, and nothing for silence', () => {
    expect(bandwidthHz(noise(16_000), RATE_HZ)).toBe(8000);
    const tone = Float32Array.from({ length: 16_000 }, (_, index) => Math.sin((2 * Math.PI * 2000 * index) / RATE_HZ) * Math.min(1, index / 4000, (16_000 - index) / 4000));
    expect(Math.abs(bandwidthHz(tone, RATE_HZ) - 2000)).toBeLessThan(150);
    expect(bandwidthHz(new Float32Array(4000), RATE_HZ)).toBe(0);
  });
});

describe('rungs', () => {
  const codec = createImageCodec(melSchema.parse({ sampleRateHz: RATE_HZ, fftSize: 512, windowSamples: 512, hopSamples: 128, melBins: 32, maxHz: 8000 }));
  const original = bursts([1000, 6000]);
  const measure = (rung: Float32Array, originalBandwidthHz = 8000): RungFigures => measureRung({ original: [original], originalBandwidthHz, originalImage: codec.analyse([original]), rung: [rung], codec });

  it('are faultless for the original itself', () => {
    expect(measure(original)).toEqual({ levelDifferenceDb: 0, logSpectralDb: 0, multiResolution: 0, melErrorDb: 0, textureKept: 1, bandwidthKept: 1, onsetErrorMs: 0 });
    expect(measure(original, 16_000).bandwidthKept).toBe(0.5); // the file had more than the codec's rate can hold
  });

  it('read level, delay and noise', () => {
    const softer = measure(original.map((sample) => sample / 2));
    expect(softer.levelDifferenceDb).toBeCloseTo(-6.02, 2);
    expect(softer.melErrorDb).toBeGreaterThan(4);
    expect(Math.abs(measure(delayed(original, 160)).onsetErrorMs - 10)).toBeLessThan(1);
    const hiss = noise(original.length).reverse();
    const noises = [0.001, 0.01, 0.1].map((gain) => measure(original.map((sample, index) => sample + gain * hiss[index])));
    for (const key of ['logSpectralDb', 'multiResolution', 'melErrorDb'] as const) expect(noises[0][key] < noises[1][key] && noises[1][key] < noises[2][key], key).toBe(true);
  });

  it('read mid and width of stereo sound, and each channel against its own', () => {
    const stereo = createImageCodec({ ...codec.settings, channels: 2 });
    const pair = [original, original.map((sample) => 0.5 * sample)];
    const compare = (rung: readonly Float32Array[]): RungFigures => measureRung({ original: pair, originalBandwidthHz: 8000, originalImage: stereo.analyse(pair), rung, codec: stereo });
    expect(compare(pair)).toEqual({ levelDifferenceDb: 0, widthDifferenceDb: 0, logSpectralDb: 0, multiResolution: 0, melErrorDb: 0, textureKept: 1, bandwidthKept: 1, onsetErrorMs: 0 });
    const narrow = compare([0.7, 0.8].map((gain) => original.map((sample) => gain * sample))); // mid 0.75 as before, side 0.05 where it was 0.25
    expect(narrow.levelDifferenceDb).toBeCloseTo(0, 4);
    expect(narrow.widthDifferenceDb).toBeCloseTo(20 * Math.log10(0.05 / 0.25), 2);
    const swapped = compare([pair[1], pair[0]]);
    expect([swapped.levelDifferenceDb, swapped.widthDifferenceDb, swapped.melErrorDb].map((value) => Math.abs(value!) < 1e-6)).toEqual([true, true, true]); // mid and side are as loud
    expect(swapped.logSpectralDb).toBeGreaterThan(3); // but each channel is not what it was: 6 dB off where it sounds
    const silent = measureRung({ original: [original, new Float32Array(original.length)], originalBandwidthHz: 8000, originalImage: stereo.analyse(pair), rung: pair, codec: stereo });
    expect(silent.logSpectralDb).toBe(0); // of the left, the only one that sounds
    expect(summariseRung([narrow, narrow]).widthDifferenceDb!.mean).toBeCloseTo(narrow.widthDifferenceDb!, 6);
    expect(judgeLadder([{ codec: narrow }]).sentences.join(' ')).toContain('After the codec settings the sound is narrower than the original: its side is 14.0 dB softer against its mid.');
  });

  it('are summed up with intervals that leave out what has no value', () => {
    expect(estimateMean([1, 3, NaN])).toMatchObject({ mean: 2, count: 2, interval: [1, 3] });
    expect(estimateMean([5])).toEqual({ mean: 5, count: 1, interval: null });
    const { interval } = summariseRung(Array.from({ length: 40 }, (_, index) => ({ ...measureOf(1), melErrorDb: index % 2 }))).melErrorDb;
    expect(interval![1] - interval![0]).toBeCloseTo((2 * 1.96 * 0.5) / Math.sqrt(40), 1);
  });
});

const measureOf = (logSpectralDb: number, over: Partial<RungFigures> = {}): RungFigures =>
  ({ levelDifferenceDb: 0, logSpectralDb, multiResolution: 0, melErrorDb: 0, textureKept: 1, bandwidthKept: 1, onsetErrorMs: 0, ...over });

describe('verdict', () => {
  const files = (codec: number, inverted: number, vae: number) => Array.from({ length: 8 }, (_, index) => {
    const own = index / 20;
    return { codec: measureOf(codec + own), inverted: measureOf(codec + inverted + 2 * own), vae: measureOf(codec + inverted + vae + 3 * own) };
  });

  it.each([
    ['codec', [4, 1, 1], /^Most is lost by the codec settings: 4\.\d+ dB/, /mel\.melBins/],
    ['inverted', [1, 4, 1], /^Most is lost by the inverter/, /griffinLimIterations/],
    ['vae', [1, 1, 4], /^Most is lost by the autoencoder/, /latent_channels/],
  ] as const)('names the rung that adds most: %s', (limit, [codec, inverted, vae], first, second) => {
    const verdict = judgeLadder(files(codec, inverted, vae));
    expect(verdict).toMatchObject({ limit, isClear: true });
    expect(verdict.sentences[0]).toMatch(first);
    expect(verdict.sentences[1]).toMatch(second);
    expect(verdict.losses.map(({ rung }) => rung)).toEqual(['codec', 'inverted', 'vae']);
  });

  it('says when it is not sure, when band or level is lost, and when there was nothing to hear', () => {
    expect(judgeLadder(files(2, 2, 2)).sentences[0]).toContain('not certain');
    expect(judgeLadder(files(1, 1, 4).slice(0, 1)).sentences[0]).toContain('One file says little');
    const dull = files(1, 1, 4).map((file) => ({ ...file, codec: measureOf(1, { bandwidthKept: 0.5, levelDifferenceDb: -3 }) }));
    expect(judgeLadder(dull).sentences.join(' ')).toMatch(/keeps 50 % of the recordings’ bandwidth.*codec settings the sound is 3\.0 dB softer/);
    const smooth = files(1, 1, 4).map((file) => ({ ...file, inverted: { ...file.inverted, textureKept: 0.9 }, vae: { ...file.vae, textureKept: 0.5 } }));
    expect(judgeLadder(smooth).sentences.join(' ')).toMatch(/After the autoencoder 50 % of the fine texture is left.*vae\.loss\.textureWeight/);
    expect(judgeLadder(files(1, 1, 4)).sentences.join(' ')).not.toContain('texture');
    expect(judgeLadder(files(3, -1, 4)).sentences.join(' ')).toMatch(/The vocoder brings 0\.\d\d dB of what the codec loses back/);
    expect(judgeLadder(files(2, 3, 4)).sentences.join(' ')).not.toContain('The vocoder');
    expect(judgeLadder([{ codec: measureOf(NaN) }])).toMatchObject({ limit: null, sentences: ['All files are silent: there is nothing to compare.'] });
    expect(judgeLadder(files(1, 4, 1).map(({ codec, inverted }) => ({ codec, inverted }))).losses.map(({ rung }) => rung)).toEqual(['codec', 'inverted']);
  });
});

describe('difference picture', () => {
  it('is dark where images agree, blue where softer and orange where louder, low at the bottom', () => {
    const settings = melSchema.parse({ melBins: 4, frames: 3 });
    const flat = { settings, frameCount: 3, data: new Float32Array(12) };
    const other = { ...flat, data: Float32Array.from(flat.data, (_, cell) => (cell === 0 ? -0.9 : cell === 11 ? 0.9 : 0)) };
    const { width, height, data } = decode(renderDifferencePng(flat, other, { scale: 2, rangeDb: 10 }));
    const pixel = (x: number, y: number): number[] => Array.from(data.slice(3 * (y * width + x), 3 * (y * width + x) + 3));
    expect([width, height]).toEqual([6, 8]);
    expect([pixel(0, 7), pixel(5, 0), pixel(2, 4)]).toEqual([[70, 150, 255], [255, 140, 40], [24, 24, 24]]);
    const stereo = { settings: melSchema.parse({ melBins: 4, frames: 3, channels: 2 }), frameCount: 3, data: new Float32Array(36) };
    const above = decode(renderDifferencePng(stereo, { ...stereo, data: stereo.data.map((_, cell) => (cell === 12 ? 0.9 : 0)) }, { rangeDb: 10 })); // the lowest row of the side
    expect([above.width, above.height, ...above.data.slice(3 * 3 * 3, 3 * 3 * 3 + 3)]).toEqual([3, 8, 255, 140, 40]);
    expect(() => renderDifferencePng(flat, { ...flat, frameCount: 2, data: new Float32Array(8) })).toThrow(/renderDifference/);
  });
});
