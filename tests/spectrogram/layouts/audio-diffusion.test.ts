import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { audioDiffusionMelSchema, defaultAudioDiffusionMel } from '../../../src/config/audio-diffusion-mel.js';
import {
  AUDIO_DIFFUSION_TEXT_KEY, audioDiffusionSlices, audioDiffusionTransform, decodeAudioDiffusionPng, encodeAudioDiffusionPng, isOwnAudioDiffusionPng, parseAudioDiffusionMel,
} from '../../../src/spectrogram/layouts/audio-diffusion.js';
import { analyseMelFrames } from '../../../src/spectrogram/layouts/mel-frames.js';
import { expectClose } from '../../support/close.js';
import { bytes, float32, levelDifference, readPeers, samples } from '../fixtures/peers.js';

const cases = readPeers().audioDiffusion.map((stored) => [stored.name, stored] as const);
const small = audioDiffusionMelSchema.parse({ x_res: 8, y_res: 16, sample_rate: 8000, n_fft: 256, hop_length: 64 });
const tone = Float32Array.from({ length: 600 }, (_, index) => 0.5 * Math.sin(index / 2));

describe("images of audio-diffusion's Mel class", () => {
  it.each(cases)('give the relative powers that it reads: %s', (_name, { png, decoded, melConfig }) => {
    const settings = parseAudioDiffusionMel(melConfig, 'mel_config.json');
    const image = decodeAudioDiffusionPng(bytes(png), 'theirs.png', settings);
    expect([image.frameCount, image.isLevelKnown]).toEqual([settings.x_res, false]);
    expectClose(image.channels[0], float32(decoded), { relative: 1e-6 });
  });

  it.each(cases)('hold what the analysis here finds: %s', (_name, { sound, slice, sliceCount, powers, melConfig }) => {
    const settings = parseAudioDiffusionMel(melConfig, 'mel_config.json');
    const signal = samples(sound);
    const slices = audioDiffusionSlices(signal.length, settings);
    expect(slices.sliceCount).toBe(sliceCount);
    const padded = new Float32Array(slices.sliceSamples);
    padded.set(signal.subarray(slice * slices.sliceSamples, (slice + 1) * slices.sliceSamples));
    const expected = float32(powers);
    const loudest = expected.reduce((a, b) => Math.max(a, b), 0);
    expectClose(analyseMelFrames(padded, audioDiffusionTransform(settings)).data, expected, { absolute: 1e-9 * loudest, relative: 1e-4, reason: 'librosa computes in float32 here' });
  });

  it.each(cases)('are written here with the same levels, and read there as they are here: %s', (_name, { sound, slice, png, melConfig, ours, decoded }) => {
    const settings = parseAudioDiffusionMel(melConfig, 'mel_config.json');
    const written = encodeAudioDiffusionPng(samples(sound), settings, slice);
    expect(Array.from(decode(written).data)).toEqual(Array.from(bytes(ours.levels)));
    const { largest, share } = levelDifference(bytes(ours.levels), decode(bytes(png)).data);
    expect(largest).toBeLessThanOrEqual(1);
    expect(share).toBeLessThan(0.005); // values next to a step fall to either side
    const back = decodeAudioDiffusionPng(written, 'ours.png');
    const reference = back.channels[0].reduce((a, b) => Math.max(a, b), 0);
    expect([back.isLevelKnown, back.settings]).toEqual([true, settings]);
    expectClose(back.channels[0].map((power) => power / reference), float32(ours.decoded), { relative: 1e-5 });
    const step = settings.top_db / 255;
    const db = (values: Float32Array): Float32Array => values.map((value) => 10 * Math.log10(value));
    expectClose(db(float32(ours.decoded)), db(float32(decoded)), { absolute: 1.001 * step });
  });

  it('have the lowest frequency at the top', () => {
    const low = Float32Array.from({ length: 600 }, (_, index) => Math.sin(index / 20));
    const { width, data } = decode(encodeAudioDiffusionPng(low, small));
    expect(data[4]).toBeGreaterThan(200);
    expect(data[15 * width + 4]).toBeLessThan(60);
  });
});

describe('encodeAudioDiffusionPng', () => {
  it('keeps the level in its text, where that class drops it', () => {
    const [loud, quiet] = [tone, tone.map((sample) => sample / 10)].map((signal) => encodeAudioDiffusionPng(signal, small));
    expect(decode(loud).data).toEqual(decode(quiet).data);
    expectClose(decodeAudioDiffusionPng(quiet, 'q.png').channels[0].map((power) => power * 100), decodeAudioDiffusionPng(loud, 'l.png').channels[0], { relative: 1e-5 });
    expect(isOwnAudioDiffusionPng(loud)).toBe(true);
  });

  it('writes silence all white, as that class does, and reads it as silence', () => {
    const silent = encodeAudioDiffusionPng(new Float32Array(400), small);
    expect(decode(silent).data.every((level) => level === 255)).toBe(true);
    expect(decodeAudioDiffusionPng(silent, 's.png').channels[0].every((power) => power === 0)).toBe(true);
    const bare = encode({ width: 8, height: 16, data: new Uint8Array(128).fill(255), depth: 8, channels: 1 });
    expect(decodeAudioDiffusionPng(bare, 's.png').channels[0].every((power) => power === 0)).toBe(true);
  });

  it('makes an image as wide as the sound when x_res is null, and refuses a slice that is not there', () => {
    const whole = decode(encodeAudioDiffusionPng(tone, { ...small, x_res: null }));
    expect(whole.width).toBe(1 + Math.floor(600 / 64));
    expect(decodeAudioDiffusionPng(encodeAudioDiffusionPng(tone, { ...small, x_res: null }), 'w.png').settings.x_res).toBe(whole.width);
    expect(() => encodeAudioDiffusionPng(tone, small, 1)).toThrow(/slice: got 1, expected an integer in \[0, 0\]/);
  });
});

describe('decodeAudioDiffusionPng', () => {
  const withText = (text: string): Uint8Array => encode({ width: 1, height: 8, data: new Uint8Array(8), depth: 8, channels: 1, text: { [AUDIO_DIFFUSION_TEXT_KEY]: text } });

  it('takes the defaults and the height of an image that says nothing, in grey or as equal colours', () => {
    const grey = encode({ width: 2, height: 8, data: new Uint8Array(16).fill(128), depth: 8, channels: 1 });
    const image = decodeAudioDiffusionPng(grey, 'x.png');
    expect(image).toMatchObject({ isLevelKnown: false, frameCount: 2, settings: { ...defaultAudioDiffusionMel, y_res: 8 } });
    expect(isOwnAudioDiffusionPng(grey)).toBe(false);
    const equal = encode({ width: 2, height: 8, data: new Uint8Array(64).fill(128), depth: 8, channels: 4 });
    expect(decodeAudioDiffusionPng(equal, 'x.png').channels).toEqual(image.channels);
  });

  it('refuses what does not fit and names why', () => {
    expect(() => decodeAudioDiffusionPng(encodeAudioDiffusionPng(tone, small), 'x.png', defaultAudioDiffusionMel)).toThrow(/x\.png: got 16 rows, expected 256 \(y_res\)/);
    expect(() => decodeAudioDiffusionPng(encode({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3), depth: 8, channels: 3 }), 'x.png')).toThrow(/a PNG in colour/);
    expect(() => decodeAudioDiffusionPng(withText('{'), 'x.png')).toThrow(/settings that can't be read/);
    expect(() => decodeAudioDiffusionPng(withText('{"reference":-1,"settings":{}}'), 'x.png')).toThrow(/reference -1/);
    expect(() => decodeAudioDiffusionPng(withText('{"reference":1,"settings":{"hop":1}}'), 'x.png')).toThrow(/unknown key/);
    expect(() => parseAudioDiffusionMel({ hop_length: 2000 }, 'mel_config.json')).toThrow(/mel_config\.json: hop_length: got 2000, expected at most half of n_fft/);
    expect(() => parseAudioDiffusionMel({ hop_lenght: 512 }, 'mel_config.json')).toThrow(/nearest known key is hop_length/);
  });
});
