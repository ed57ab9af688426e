import { describe, expect, it } from 'vitest';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';
import { midSide } from '../../src/dsp/mid-side.js';
import { createImageCodec } from '../../src/spectrogram/image-codec.js';
import { assertSameCodec, codecHash, createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { imageChannel, silentFrame } from '../../src/spectrogram/mel-image.js';
import { decodeMelPng, encodeMelPng } from '../../src/spectrogram/png.js';
import { createStereoCodec } from '../../src/spectrogram/stereo-codec.js';
import { expectClose } from '../support/close.js';
import { stereoSounds } from './stereo-sounds.js';

const settings = melSchema.parse({ channels: 2 });
const codec = createStereoCodec(settings);
const mono = createMelCodec(defaultMelSettings);

/** Panning of the cells within 40 dB of the mid's loudest. */
function loudPanning(name: keyof typeof stereoSounds): number[] {
  const image = codec.analyse(...stereoSounds[name]);
  const [mid, panning] = [0, 2].map((channel) => imageChannel(image, channel).data);
  const from = mid.reduce((a, b) => Math.max(a, b), -1) - 80 / 86;
  return Array.from(panning).filter((_, cell) => mid[cell] > from);
}

describe('createStereoCodec', () => {
  it('has mid and side as the mel codec has them, to the last bit', () => {
    for (const name of ['roomNoise', 'drumLeft', 'silence'] as const) {
      const image = codec.analyse(...stereoSounds[name]);
      midSide(...stereoSounds[name]).forEach((signal, channel) => {
        expect(imageChannel(image, channel).data).toEqual(mono.analyse(signal).data);
      });
    }
  });

  it('tells left from right by the sign of panning, and strangers by its being near 0', () => {
    expect(loudPanning('drumLeft').every((value) => value > 0.9)).toBe(true);
    expect(loudPanning('drumRight').every((value) => value < -0.9)).toBe(true);
    expect(loudPanning('mono').every((value) => value === 0)).toBe(true);
    const wide = loudPanning('wideNoise');
    expectClose(wide.reduce((sum, value) => sum + value, 0) / wide.length, 0, { absolute: 0.05 });
  });

  it('gives the powers of left and right with those of mid and side', () => {
    const image = codec.analyse(...stereoSounds.roomNoise);
    const [mid, side] = [0, 1].map((channel) => mono.toMelTarget({ ...imageChannel(image, channel), settings: defaultMelSettings }).mel);
    const [left, right] = stereoSounds.roomNoise.map((signal) => mono.toMelTarget(mono.analyse(signal)).mel);
    const { data, frameCount } = imageChannel(image, 2);
    const common = Float32Array.from(mid, (power, cell) => Math.sqrt(power * side[cell]) * Math.sin((Math.PI / 2) * data[(cell % 80) * frameCount + Math.floor(cell / 80)]));
    const total = left.reduce((sum, power, cell) => sum + power + right[cell], 0) / left.length;
    expectClose(mid.map((power, cell) => power + side[cell] + 2 * common[cell]), left, { relative: 1e-2, absolute: 1e-4 * total, reason: 'panning fades near the floor' });
    expectClose(mid.map((power, cell) => power + side[cell] - 2 * common[cell]), right, { relative: 1e-2, absolute: 1e-4 * total, reason: 'panning fades near the floor' });
  });

  it('splits the side into what follows the mid and what is loose, with nothing lost', () => {
    const image = codec.analyse(...stereoSounds.roomNoise);
    const { mid, loose, gains } = codec.split(image);
    const [midPower, loosePower, sidePower] = [mid, loose, imageChannel(image, 1)].map((part) => codec.mono.toMelTarget(part).mel);
    const sum = loosePower.map((power, cell) => power + gains[cell] ** 2 * midPower[cell]);
    const mean = sidePower.reduce((total, power) => total + power, 0) / sidePower.length;
    expectClose(sum, sidePower, { relative: 1e-3, absolute: 1e-4 * mean, reason: 'what is loose may lie below the floor' });
    expect(gains.every((gain) => Math.abs(gain) <= 2)).toBe(true);
  });

  it('refuses settings of one channel, channels of two lengths, and what is not sound', () => {
    expect(() => createStereoCodec(defaultMelSettings)).toThrow(/got 1, expected 2/);
    expect(() => codec.analyse(new Float32Array(10), new Float32Array(11))).toThrow(/shape/);
    expect(() => codec.analyse(new Float32Array(0), new Float32Array(0))).toThrow(/no samples/);
    expect(() => codec.analyse(Float32Array.of(1, Number.NaN), new Float32Array(2))).toThrow(/NaN/);
  });
});

describe('createImageCodec', () => {
  it('is the codec of as many channels as the settings say', () => {
    const [left, right] = stereoSounds.drumLeft;
    expect(createImageCodec(settings).analyse([left, right])).toEqual(codec.analyse(left, right));
    expect(createImageCodec(defaultMelSettings).analyse([left])).toEqual(mono.analyse(left));
    expect(() => createImageCodec(settings).analyse([left])).toThrow(/got 1 channels, expected 2/);
    expect(() => createImageCodec(defaultMelSettings).analyse([left, right])).toThrow(/got 2 channels, expected 1/);
  });

  it('turns silence into silent frames', () => {
    const { data, frameCount } = codec.analyse(...stereoSounds.silence);
    const frame = silentFrame(settings);
    expect(data.every((value, cell) => value === frame[Math.floor(cell / frameCount)])).toBe(true);
    expect(silentFrame(defaultMelSettings).every((value) => value === -1)).toBe(true);
  });
});

describe('stereo images', () => {
  it.each([8, 16] as const)('come back from a PNG of %d bits, three pictures high', (bitDepth) => {
    const image = codec.analyse(...stereoSounds.roomNoise);
    const png = encodeMelPng(image, { bitDepth });
    expect(new DataView(png.buffer, png.byteOffset).getUint32(20)).toBe(240);
    const back = decodeMelPng(png, 'stereo');
    expect(back.settings).toEqual(settings);
    expectClose(back.data, image.data, { absolute: 1 / (2 ** bitDepth - 1) + 1e-6, reason: 'half a step of the PNG, twice as large in image values' });
  });

  it('are of another codec than those of one channel, whose hash is what it was', () => {
    expect(codecHash(defaultMelSettings)).toBe('be0ecf40cdb1deeb'); // in every file that was written before there was a choice
    expect(codecHash(settings)).not.toBe(codecHash(defaultMelSettings));
    const { channels: _channels, ...before } = defaultMelSettings;
    expect(codecHash(before as typeof defaultMelSettings)).toBe(codecHash(defaultMelSettings));
    expect(() => assertSameCodec(settings, defaultMelSettings, 'a.png')).toThrow(/a\.png: mel channels: got channels 2, expected channels 1/);
    const png = encodeMelPng(mono.analyse(stereoSounds.mono[0]));
    expect(new TextDecoder('latin1').decode(png)).not.toContain('"channels"');
    expect(decodeMelPng(png, 'mono').settings).toEqual(defaultMelSettings);
  });
});
