import { describe, expect, it } from 'vitest';
import { createRegionLimit, replaceWithin } from '../../src/audio/region.js';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';
import { rmsDb } from '../../src/dsp/loudness.js';
import { midSide } from '../../src/dsp/mid-side.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { imageChannel, type MelImage } from '../../src/spectrogram/mel-image.js';
import { decodeMelPng, encodeMelPng } from '../../src/spectrogram/png.js';
import { createStereoCodec } from '../../src/spectrogram/stereo-codec.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { reportInversion } from '../../src/vocoder/inversion-report.js';
import { stereoSounds } from '../spectrogram/stereo-sounds.js';
import { expectClose } from '../support/close.js';

const settings = melSchema.parse({ channels: 2 });
const codec = createStereoCodec(settings);
const vocoder = createGriffinLimVocoder(settings, { iterations: 16 });

type Name = keyof typeof stereoSounds;

function imageOf(name: Name): MelImage {
  const [left, right] = stereoSounds[name];
  return codec.analyse(left, right);
}

/** Sound → image → 16-bit PNG → image → sound, as `encode` and `decode` do. */
function roundTrip(name: Name): readonly Float32Array[] {
  const [left] = stereoSounds[name];
  return vocoder.invert(decodeMelPng(encodeMelPng(imageOf(name)), name), { seed: 1, sampleCount: left.length }).channels;
}

/** Levels in dB; width is the side's level against the mid's, balance the left's against the right's. */
function levelsOf([left, right]: readonly Float32Array[]): Record<'mono' | 'left' | 'right' | 'width' | 'balance', number> {
  const [mid, side] = midSide(left, right).map(rmsDb);
  const [l, r] = [left, right].map(rmsDb);
  return { mono: mid, left: l, right: r, width: side - mid, balance: l - r };
}

/** Of two signals: 1 for the same, 0 for strangers, -1 for opposites. */
function correlation(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, index) => sum + value * y[index], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The sharpest bend of the wave within so many samples of a place: a click would be one. */
function bendAt(samples: Float32Array, at: number, reach: number): number {
  let most = 0;
  for (let index = Math.max(1, Math.round(at) - reach); index < Math.min(samples.length - 1, Math.round(at) + reach); index += 1) most = Math.max(most, Math.abs(samples[index - 1] - 2 * samples[index] + samples[index + 1]));
  return most;
}

describe('the stereo round trip', () => {
  // Measured, the worst of each: mono sum 0.07 dB off, width 0.19, a channel 0.16.
  it.each(['drumLeft', 'drumRight', 'wideNoise', 'roomNoise', 'twoPlayers', 'late'] as const)('keeps mono sum, width and both channels of %s within 0.5 dB', (name) => {
    const [got, wanted] = [levelsOf(roundTrip(name)), levelsOf(stereoSounds[name])];
    for (const key of ['mono', 'width', 'left', 'right'] as const) expectClose(got[key], wanted[key], { absolute: 0.5 });
  });

  it('brings a sound that is all on one side back there', () => {
    expect(levelsOf(roundTrip('allLeft')).balance).toBeGreaterThan(40); // measured 53 and -52
    expect(levelsOf(roundTrip('allRight')).balance).toBeLessThan(-40);
  });

  it('brings a sound of the middle back as two channels of the same numbers, and one that is out of phase as opposites', () => {
    const [left, right] = roundTrip('mono');
    expect(left).toEqual(right);
    expectClose(rmsDb(left), rmsDb(stereoSounds.mono[0]), { absolute: 0.5 });
    const [first, second] = roundTrip('outOfPhase');
    expectClose(first, second.map((sample) => -sample));
    expectClose(rmsDb(first), rmsDb(stereoSounds.outOfPhase[0]), { absolute: 0.5 });
  });

  it('keeps how much left and right have in common', () => {
    for (const name of ['drumLeft', 'wideNoise', 'roomNoise', 'twoPlayers', 'late'] as const) {
      const [left, right] = roundTrip(name);
      expectClose(correlation(left, right), correlation(...stereoSounds[name]), { absolute: 0.1 });
    }
  });

  it('keeps silence', () => {
    for (const channel of roundTrip('silence')) expect(channel.every((sample) => sample === 0)).toBe(true);
  });

  it('gives a mono sum that is what one channel alone would give, to rounding', () => {
    const [left, right] = roundTrip('twoPlayers');
    const [mid] = midSide(left, right);
    const alone = createGriffinLimVocoder(defaultMelSettings, { iterations: 16 });
    const image = decodeMelPng(encodeMelPng(createMelCodec(defaultMelSettings).analyse(midSide(...stereoSounds.twoPlayers)[0])), 'mid');
    expectClose(mid, alone.invert(image, { seed: 1, sampleCount: left.length }).channels[0], { absolute: 1e-6 });
  });

  it('needs panning: a sound on the left and one on the right differ in nothing else', () => {
    const [onLeft, onRight] = (['drumLeft', 'drumRight'] as const).map(imageOf);
    for (const channel of [0, 1]) expect(imageChannel(onLeft, channel).data).toEqual(imageChannel(onRight, channel).data);
    const exchanged = { ...onLeft, data: onLeft.data.slice() };
    exchanged.data.set(imageChannel(onRight, 2).data, 2 * 80 * onLeft.frameCount);
    expectClose(levelsOf(vocoder.invert(exchanged).channels).balance, levelsOf(stereoSounds.drumRight).balance, { absolute: 0.1 });
  });

  it('spreads two sounds under one mel filter over both sides, and keeps their levels within 1 dB: the hard case', () => {
    const got = roundTrip('sameFilter');
    const [left] = got;
    for (const key of ['mono', 'width', 'left', 'right'] as const) expectClose(levelsOf(got)[key], levelsOf(stereoSounds.sameFilter)[key], { absolute: 1, reason: 'of one filter, which two sounds share, there is one panning; measured 0.64' });
    const at = (signal: Float32Array, hz: number): number => {
      let [re, im] = [0, 0];
      signal.forEach((sample, index) => {
        re += sample * Math.cos((2 * Math.PI * hz * index) / 22_050);
        im += sample * Math.sin((2 * Math.PI * hz * index) / 22_050);
      });
      return 10 * Math.log10(re * re + im * im);
    };
    expect(at(stereoSounds.sameFilter[0], 4000) - at(stereoSounds.sameFilter[0], 4060)).toBeGreaterThan(60);
    expect(at(left, 4000) - at(left, 4060)).toBeLessThan(30); // measured 22
  });
});

describe('createStereoVocoder', () => {
  it('gives the same bytes for the same seed, and others for another', () => {
    const image = imageOf('roomNoise');
    expect(vocoder.invert(image, { seed: 3 })).toEqual(vocoder.invert(image, { seed: 3 }));
    expect(vocoder.invert(image, { seed: 3 })).not.toEqual(vocoder.invert(image, { seed: 4 }));
    expect(vocoder.name).toBe('griffin-lim-16');
  });

  it('gives the number of samples that is asked for, and loops', () => {
    const image = imageOf('drumRight');
    for (const sampleCount of [1000, 26_400, 40_000]) expect(vocoder.invert(image, { sampleCount }).channels.map((channel) => channel.length)).toEqual([sampleCount, sampleCount]);
    const loop = vocoder.invert(image, { isLoop: true, sampleCount: image.frameCount * 256 }).channels;
    expectClose(levelsOf(loop).balance, levelsOf(stereoSounds.drumRight).balance, { absolute: 0.5 });
  });

  it('puts a long sound together in pieces as if it were one', () => {
    const [left, right] = stereoSounds.drumLeft;
    const repeated = (channel: Float32Array): Float32Array => Float32Array.from({ length: 12 * channel.length }, (_, index) => channel[index % channel.length]);
    const image = codec.analyse(repeated(left), repeated(right));
    expect(image.frameCount).toBeGreaterThan(1100);
    const fast = createGriffinLimVocoder(settings, { iterations: 1 });
    expectClose(levelsOf(fast.invert(image).channels).balance, levelsOf(stereoSounds.drumLeft).balance, { absolute: 0.1 });
  });

  it.each(['drumLeft', 'wideNoise', 'roomNoise', 'twoPlayers', 'allLeft', 'outOfPhase'] as const)('goes on from known samples of %s, which come back bit for bit, at the width of the sound and with no click', (name) => {
    const channels = stereoSounds[name];
    const { length } = channels[0];
    for (const [from, to] of [[0, length / 2], [length / 2, length]] as const) {
      const made = vocoder.invert(imageOf(name), { sampleCount: length, known: { channels, spans: [{ from, to }] } }).channels;
      made.forEach((channel, index) => expect(channel.subarray(from, to)).toEqual(channels[index].subarray(from, to)));
      const rest = (sound: readonly Float32Array[]): readonly Float32Array[] => sound.map((channel) => (from === 0 ? channel.subarray(to) : channel.subarray(0, from)));
      const [got, wanted] = [levelsOf(rest(made)), levelsOf(rest(channels))];
      for (const key of ['left', 'right'] as const) if (wanted[key] > -60) expectClose(got[key], wanted[key], { absolute: 1.5, reason: 'half of a second, whose end is faded in from the known part' });
      made.forEach((channel) => expect(bendAt(channel, length / 2, 2)).toBeLessThan(1.5 * Math.max(1e-4, bendAt(channel, length / 2, 1024))));
    }
  });

  it('makes a part of a sound anew that joins on to the rest in both channels, and keeps its width', () => {
    const channels = stereoSounds.twoPlayers;
    const { length } = channels[0];
    const region = { fromSample: Math.round(length / 3), toSample: Math.round(length / 2), lowHz: 0, highHz: 11_025 };
    const limit = createRegionLimit(region, { sampleRateHz: 22_050, sampleCount: length });
    const { channels: made } = vocoder.invert(imageOf('twoPlayers'), { sampleCount: length, around: { channels, limit } });
    const whole = channels.map((samples, index) => replaceWithin(limit, { samples, made: made[index] }));
    whole.forEach((samples, index) => {
      expect(samples.subarray(0, region.fromSample)).toEqual(channels[index].subarray(0, region.fromSample));
      for (const border of [region.fromSample, region.toSample]) expect(bendAt(samples, border, 4)).toBeLessThan(1.2 * bendAt(channels[index], border, 2048));
    });
    const inside = (sound: readonly Float32Array[]): Float32Array[] => sound.map((channel) => channel.subarray(region.fromSample, region.toSample));
    for (const key of ['mono', 'width', 'left', 'right'] as const) expectClose(levelsOf(inside(whole))[key], levelsOf(inside(channels))[key], { absolute: 1 });
  });

  it('gives mid and side other phases where there is nothing to go on from', () => {
    // Two noises at one level, one in the mid and one in the side: with the same phases both would be one sound, all on the left.
    const image = imageOf('wideNoise');
    const channels = [0, 1].map(() => new Float32Array(stereoSounds.wideNoise[0].length));
    const [left, right] = vocoder.invert(image, { sampleCount: channels[0].length, known: { channels, spans: [{ from: 0, to: 1000 }] } }).channels;
    expect(Math.abs(correlation(left.subarray(2000), right.subarray(2000)))).toBeLessThan(0.3);
  });

  it('refuses what it cannot do by name', () => {
    expect(() => vocoder.invert(imageChannel(imageOf('silence'), 0))).toThrow(/mel channels: got channels 1, expected channels 2/);
    expect(() => createMelCodec(settings)).toThrow(/mel codec: mel\.channels: got 2, expected 1/);
  });

  it('reports how near mid and side came', () => {
    const image = imageOf('roomNoise');
    const clip = vocoder.invert(image);
    const { spectralConvergenceDb, levelDifferenceDb } = reportInversion(image, clip);
    expect(spectralConvergenceDb).toBeLessThan(-10);
    expectClose(levelDifferenceDb!, 0, { absolute: 0.5 });
    const swapped = { ...clip, channels: [clip.channels[0], new Float32Array(clip.channels[1].length)] };
    expect(reportInversion(image, swapped).spectralConvergenceDb).toBeGreaterThan(spectralConvergenceDb! + 3);
  });
});
