import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { defaultRiffusionSettings, riffusionSchema } from '../../../src/config/riffusion.js';
import { encodeExif } from '../../../src/spectrogram/layouts/_exif.js';
import { withChunk } from '../../../src/spectrogram/layouts/_png-chunks.js';
import { analyseMelFrames } from '../../../src/spectrogram/layouts/mel-frames.js';
import { decodeRiffusionPng, encodeRiffusionPng, isRiffusionPng, riffusionTransform } from '../../../src/spectrogram/layouts/riffusion.js';
import { encodeMelPng } from '../../../src/spectrogram/png.js';
import { melSchema } from '../../../src/config/mel.js';
import { expectClose } from '../../support/close.js';
import { bytes, float32, levelDifference, readPeers, riffusionSettings, samples, someRows } from '../fixtures/peers.js';

const cases = readPeers().riffusion.map((stored) => [stored.name, stored] as const);
const withOurs = cases.filter(([, { ours }]) => ours !== undefined);
const small = riffusionSchema.parse({ sampleRateHz: 8000, paddedMilliseconds: 125, windowMilliseconds: 50, melBins: 32, maxHz: 4000 });

/** The channels as 8-bit planes with the lowest frequency first. */
function planesOf(png: Uint8Array, isStereo: boolean): number[][] {
  const { width, height, data } = decode(png);
  return (isStereo ? [1, 2] : [0]).map((colour) =>
    Array.from({ length: width * height }, (_, cell) => data[3 * ((height - 1 - Math.floor(cell / width)) * width + (cell % width)) + colour]));
}

function ofSettings(tags: Record<number, number>, height = 4): Uint8Array {
  const numbers = Object.entries(tags).map(([tag, value]) => ({ tag: Number(tag), value, kind: 'double' as const }));
  const png = encode({ width: 2, height, data: new Uint8Array(6 * height).fill(200), depth: 8, channels: 3 });
  return withChunk(png, 'eXIf', encodeExif(numbers));
}

const USUAL_TAGS = { 11000: 44100, 11005: 0, 11010: 10, 11020: 100, 11030: 400, 11040: 4, 11050: 0, 11060: 10000, 11070: 0.25 };

describe('images that the steps of Riffusion made', () => {
  it.each(cases)('give their parameters and amplitudes: %s', (_name, { png, parameters, decoded, frameCount, rowStep }) => {
    const image = decodeRiffusionPng(bytes(png), 'theirs.png');
    expect(image.settings).toEqual(riffusionSettings(parameters));
    expect([image.frameCount, image.isLevelKnown, image.channels.length]).toEqual([frameCount, true, parameters.stereo ? 2 : 1]);
    expectClose(someRows(image.channels, frameCount, rowStep).map((value) => value * 32768), float32(decoded), { relative: 1e-5 });
  });

  it.each(cases)('hold what the analysis here finds: %s', (_name, { sounds, parameters, amplitudes, frameCount, rowStep }) => {
    const frames = sounds.map((sound) => analyseMelFrames(samples(sound), riffusionTransform(riffusionSettings(parameters))));
    expect(frames[0].frameCount).toBe(frameCount);
    const got = someRows(frames.map(({ data }) => data), frameCount, rowStep).map((value) => value * 32768);
    const expected = float32(amplitudes);
    const loudest = expected.reduce((a, b) => Math.max(a, b), 0);
    expectClose(got, expected, { absolute: 1e-6 * loudest, relative: 1e-3, reason: 'torchaudio places its filters in float32' });
  });

  it.each(cases)('are written here with the same levels: %s', (_name, { png, sounds, parameters }) => {
    const settings = riffusionSettings(parameters);
    const ours = encodeRiffusionPng({ sampleRateHz: settings.sampleRateHz, channels: sounds.map(samples) }, settings);
    const { largest, share } = levelDifference(planesOf(ours, settings.isStereo).flat(), planesOf(bytes(png), settings.isStereo).flat());
    expect(largest).toBeLessThanOrEqual(1);
    expect(share).toBeLessThan(0.005); // both cut off, and values next to a step fall to either side
    expectClose(decodeRiffusionPng(ours, 'ours.png').maxValue as number, decodeRiffusionPng(bytes(png), 'theirs.png').maxValue as number, { relative: 1e-4 });
  });
});

describe('images written here', () => {
  it.each(withOurs)('are read by the steps of Riffusion as they are here: %s', (_name, { ours, sounds, parameters, amplitudes, frameCount, rowStep }) => {
    const settings = riffusionSettings(parameters);
    const png = encodeRiffusionPng({ sampleRateHz: settings.sampleRateHz, channels: sounds.map(samples) }, settings);
    const image = decodeRiffusionPng(png, 'ours.png');
    const { exif, levels, decoded } = ours!;
    expect(planesOf(png, settings.isStereo).flat()).toEqual(Array.from(bytes(levels)));
    const { maxValue } = image;
    expect(exif).toEqual({ 11000: 44100, 11005: settings.isStereo ? 1 : 0, 11010: 10, 11020: 100, 11030: 400, 11040: 512, 11050: 0, 11060: 10000, 11070: 0.25, 11080: maxValue });
    const read = float32(decoded);
    expectClose(someRows(image.channels, frameCount, rowStep).map((value) => value * 32768), read, { relative: 1e-5 });
    // Cutting off 8 bits loses up to one step of 1/255, before the fourth power is taken.
    const loudest = maxValue as number;
    const curve = (values: Float32Array): Float64Array => Float64Array.from(values, (value) => (value / loudest) ** 0.25);
    expectClose(curve(read), curve(float32(amplitudes)).map((value) => value + 0.5 / 255), { absolute: 0.51 / 255 });
  });

  it('keep a sound that is 20 dB quieter 20 dB quieter, and silence silent', () => {
    const loud = Float32Array.from({ length: 2000 }, (_, index) => Math.sin(index / 3));
    const [a, b, nothing] = [loud, loud.map((sample) => sample / 10), new Float32Array(2000)].map((signal) =>
      decodeRiffusionPng(encodeRiffusionPng({ sampleRateHz: 8000, channels: [signal] }, small), 'x.png'));
    expectClose(b.channels[0].map((value) => value * 10), a.channels[0], { relative: 1e-5 });
    expect(nothing.maxValue).toBe(0);
    expect(nothing.channels[0].every((value) => value === 0)).toBe(true);
  });

  it('need a sound of their rate and channels', () => {
    const clip = { sampleRateHz: 22_050, channels: [new Float32Array(100)] };
    expect(() => encodeRiffusionPng(clip)).toThrow(/got 100 samples at 22050 Hz in 1 channels, expected sound at 44100 Hz in 1/);
    expect(() => encodeRiffusionPng({ ...clip, sampleRateHz: 44_100 }, { ...defaultRiffusionSettings, isStereo: true })).toThrow(/expected sound at 44100 Hz in 2/);
    expect(() => encodeRiffusionPng({ sampleRateHz: 44_100, channels: [new Float32Array(0)] })).toThrow(/got 0 samples/);
  });
});

describe('decodeRiffusionPng', () => {
  it('takes the defaults, and no level, where nothing is said', () => {
    const grey = encode({ width: 3, height: 16, data: new Uint8Array(48).fill(255).fill(0, 0, 1), depth: 8, channels: 1 });
    expect(isRiffusionPng(grey)).toBe(false);
    const image = decodeRiffusionPng(grey, 'x.png');
    expect(image).toMatchObject({ isLevelKnown: false, maxValue: null, settings: { ...defaultRiffusionSettings, melBins: 16 } });
    expectClose(image.channels[0][45], 30e6 / 32768);
    expect(image.channels[0].filter((value) => value > 0).length).toBe(1);
  });

  it('reads little-endian EXIF with its marker, as older writers make it', () => {
    const tags = Object.entries(USUAL_TAGS);
    const block = new Uint8Array(6 + 8 + 2 + 12 * tags.length + 4 + 4);
    const view = new DataView(block.buffer, 6);
    block.set(new TextEncoder().encode('Exif\0\0II'));
    view.setUint16(2, 42, true);
    view.setUint32(4, 8, true);
    view.setUint16(8, tags.length, true);
    for (const [index, [tag, value]] of tags.entries()) {
      const isWhole = Number.isInteger(value);
      view.setUint16(10 + 12 * index, Number(tag), true);
      view.setUint16(12 + 12 * index, isWhole ? 4 : 11, true);
      view.setUint32(14 + 12 * index, 1, true);
      if (isWhole) view.setUint32(18 + 12 * index, value, true);
      else view.setFloat32(18 + 12 * index, value, true);
    }
    const png = withChunk(encode({ width: 2, height: 4, data: new Uint8Array(24), depth: 8, channels: 3 }), 'eXIf', block);
    expect(decodeRiffusionPng(png, 'x.png').settings).toEqual({ ...defaultRiffusionSettings, melBins: 4 });
  });

  it('refuses what is no such image and names why', () => {
    const refuse = (png: Uint8Array, message: RegExp): void => expect(() => decodeRiffusionPng(png, 'cat.png')).toThrow(message);
    refuse(ofSettings({ 11000: 44100 }), /^cat\.png: got EXIF data without isStereo \(11005\), hopMilliseconds/);
    refuse(ofSettings({ ...USUAL_TAGS, 11040: 5 }), /got 4 rows, expected 5, its own number of frequencies/);
    refuse(ofSettings({ ...USUAL_TAGS, 11060: 30000 }), /^cat\.png: maxHz: got 30000, expected at most half of sampleRateHz \(22050\)/);
    refuse(ofSettings({ ...USUAL_TAGS, 11080: Number.NaN }), /a largest amplitude of NaN/);
    refuse(withChunk(ofSettings({}), 'eXIf', new Uint8Array(9)), /EXIF data that can't be read/);
    refuse(withChunk(ofSettings({}), 'eXIf', encodeExif([{ tag: 1, value: 1, kind: 'double' }]).subarray(0, 20)), /EXIF data that can't be read/);
    refuse(encode({ width: 2, height: 4, data: new Uint16Array(8), depth: 16, channels: 1 }), /a PNG with 16 bits, expected grey or colour of 8 bits/);
    refuse(encode({ width: 2, height: 2, data: new Uint8Array(4), depth: 8, channels: 1, palette: [[0, 0, 0], [1, 1, 1]] }), /a PNG with a palette/);
    refuse(new TextEncoder().encode('RIFF'), /a file that is no PNG/);
    const own = encodeMelPng({ settings: melSchema.parse({ melBins: 8 }), frameCount: 1, data: new Float32Array(8) }, { bitDepth: 8 });
    refuse(own, /an image in Melstrom's own layout, expected one in Riffusion's/);
    const grey = encode({ width: 2, height: 4, data: new Uint8Array(8), depth: 8, channels: 1 });
    const stereo = encodeExif(Object.entries({ ...USUAL_TAGS, 11005: 1 }).map(([tag, value]) => ({ tag: Number(tag), value, kind: 'double' as const })));
    refuse(withChunk(grey, 'eXIf', stereo), /a grey image that says it is stereo/);
  });

  it('refuses every cut', () => {
    const png = ofSettings(USUAL_TAGS);
    expect(decodeRiffusionPng(png, 'x.png').frameCount).toBe(2);
    for (let length = 0; length < png.length; length += 1) expect(() => decodeRiffusionPng(png.subarray(0, length), 'x.png'), `cut to ${length}`).toThrow(/^x\.png: got /);
  });
});
