// A sound that goes on: its own samples stay, and what is added goes on from them.
import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import { joinBlocks } from '../../src/audio/resample.js';
import { SAMPLER_NAMES } from '../../src/diffusion/index.js';
import { extendClips, streamExtensions, type ClipStream, type ExtendRequest, type GeneratedClip } from '../../src/generation/index.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import type { Unet2dInputs } from '../../src/models/index.js';
import type { Vocoder } from '../../src/vocoder/vocoder.js';
import { smallPipeline, SMALL_MEL, SMALL_STEREO_MEL } from '../pipeline/small-pipeline.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const samples = Float32Array.from({ length: 4000 }, (_, at) => 0.3 * Math.sin(at / 4) + 0.2 * Math.sin(at / 1.7));
const sound = (channel: Float32Array): ExtendRequest['sound'] => ({ sampleRateHz: 8000, channels: [channel] });
const request: ExtendRequest = { sound: sound(samples), seconds: 0.3, labels: [0], seeds: [1], sampler: 'dpmpp2m', steps: 3, guidance: 2, vocoder: createGriffinLimVocoder(SMALL_MEL, { iterations: 8 }) };
const MARGIN = 128; // half a transform, in whole columns of two frames

async function collect(clips: AsyncIterable<GeneratedClip>): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

/** The pieces of all streams. */
async function collectSamples(streams: AsyncIterable<ClipStream>): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for await (const { pieces } of streams) for await (const { channels: [piece] } of pieces) all.push(piece);
  return all;
}

async function extend(changes: Partial<ExtendRequest> = {}, pipeline = smallPipeline()): Promise<GeneratedClip[]> {
  return collect(extendClips(pipeline, { ...request, ...changes })).finally(() => pipeline.dispose());
}

describe('extendClips', () => {
  it.each([0.05, 0.3, 1.234])('adds %d s after the sound, whose own samples stay outside the margin', async (seconds) => {
    const [{ clip, sidecar }] = await extend({ seconds });
    const sound = clip.channels[0];
    expect(sound.length).toBe(4000 + Math.round(8000 * seconds));
    expect(sound.subarray(0, 4000 - MARGIN)).toEqual(samples.subarray(0, 4000 - MARGIN));
    expect(sound.subarray(4000).some((value) => value !== 0)).toBe(true);
    expect(sidecar).toMatchObject({ operation: 'extend', durationSeconds: sound.length / 8000, extension: { input: null, seconds, isBefore: false, heedRounds: 2, resamples: 0, detail: 1, holdSeconds: 0.04, fadeSeconds: MARGIN / 8000, marginSeconds: MARGIN / 8000 } });
  });

  it.each([false, true])('makes the margin as long as a longer fade, and keeps what is beyond it (before: %s)', async (isBefore) => {
    const [{ clip: { channels: [made] }, sidecar }] = await extend({ seconds: 0.3, isBefore, fadeSeconds: 0.03 });
    const { fadeSeconds, marginSeconds } = sidecar.extension!;
    expect([fadeSeconds, marginSeconds]).toEqual([0.03, 0.032]);
    const [kept, faded] = isBefore ? [made.slice(2400 + 256), made.slice(2400, 2400 + 240)] : [made.slice(0, 4000 - 256), made.slice(4000 - 256, 4000 - 256 + 240)];
    expect(kept).toEqual(isBefore ? samples.slice(256) : samples.slice(0, 4000 - 256));
    expect(faded).not.toEqual(isBefore ? samples.slice(0, 240) : samples.slice(4000 - 256, 4000 - 256 + 240));
  });

  it.each([0.05, 0.3, 1.234])('adds %d s before it', async (seconds) => {
    const added = Math.round(8000 * seconds);
    const [{ clip, sidecar }] = await extend({ seconds, isBefore: true });
    const sound = clip.channels[0];
    expect(sound.length).toBe(4000 + added);
    expect(sound.subarray(added + MARGIN)).toEqual(samples.subarray(MARGIN));
    expect(sound.subarray(0, added).some((value) => value !== 0)).toBe(true);
    expect(sidecar.extension?.isBefore).toBe(true);
  });

  it.each([false, true])('goes on in stereo (before: %s): both channels of the sound stay, and neither has a click', async (isBefore) => {
    const channels = [samples, Float32Array.from(samples, (value, at) => 0.4 * value + 0.1 * Math.sin(at / 2.3))];
    const vocoder = createGriffinLimVocoder(SMALL_STEREO_MEL, { iterations: 8 });
    for (const representation of ['latent', 'pixel'] as const) {
      const [{ clip, image, sidecar }] = await extend({ sound: { sampleRateHz: 8000, channels }, isBefore, vocoder }, smallPipeline({ mel: SMALL_STEREO_MEL, representation }));
      const shift = isBefore ? 2400 : 0;
      const kept = isBefore ? 2400 + MARGIN : 4000 - MARGIN;
      expect(clip.channels.map((made) => made.length)).toEqual([6400, 6400]);
      for (const [channel, made] of clip.channels.entries()) {
        const [from, to] = isBefore ? [kept, 6400] : [0, kept];
        expect(made.subarray(from, to)).toEqual(channels[channel].subarray(from - shift, to - shift));
        expect(made.subarray(isBefore ? 0 : 4000, isBefore ? 2400 : 6400).some((value) => value !== 0)).toBe(true);
        const bend = (at: number): number => Math.abs(made[at + 1] - 2 * made[at] + made[at - 1]);
        const around = (first: number, last: number): number => Math.max(...Array.from({ length: last - first }, (_, index) => bend(kept + first + index)));
        expect(around(-2, 2)).toBeLessThan(1.5 * Math.max(around(-128, -2), around(2, 128)));
      }
      expect(image.data.length).toBe(3 * 8 * image.frameCount);
      expect(sidecar.inversion!.spectralConvergenceDb).toBeLessThan(0);
    }
  });

  it.each([[false, 0.3], [true, 0.3], [false, 9], [true, 9]])('joins without a click (before: %s, %d s): no sharper bend where made and kept samples meet than beside', async (isBefore, seconds) => {
    // Spectral flux says nothing here: what an untrained network adds is another sound. A click would be a bend of the wave.
    for (const { clip: { channels: [sound] } } of await extend({ seeds: [1, 2], labels: [0, 1], seconds, isBefore })) {
      const kept = isBefore ? 8000 * seconds + MARGIN : 4000 - MARGIN;
      const bend = (at: number): number => Math.abs(sound[at + 1] - 2 * sound[at] + sound[at - 1]);
      const around = (from: number, to: number): number => Math.max(...Array.from({ length: to - from }, (_, index) => bend(kept + from + index)));
      expect(around(-2, 2)).toBeLessThan(1.5 * Math.max(around(-128, -2), around(2, 128)));
    }
  });

  it('gives several continuations, each from its seed whatever the batch', async () => {
    const both = await extend({ seeds: [1, 2], labels: [0, 1], batchSize: 8 });
    const [second] = await extend({ seeds: [2], labels: [1] });
    expectClose(both[1].image.data, second.image.data, { absolute: 1e-3, reason: 'the network rounds otherwise in another batch, and resampling goes through it more often' });
    expect(both[0].clip).not.toEqual(both[1].clip);
  });

  it.each(SAMPLER_NAMES)('works with %s, in one step too', async (sampler) => {
    for (const steps of [1, 2]) {
      const [{ clip: { channels: [sound] } }] = await extend({ sampler, steps });
      expect(sound.subarray(0, 4000 - MARGIN)).toEqual(samples.subarray(0, 4000 - MARGIN));
      expect(sound.every(Number.isFinite)).toBe(true);
    }
  });

  it('follows rounds, resampling, detail, hold, overlap and label; goes on from pixels; takes a sound shorter than a slice', async () => {
    const [plain] = await extend();
    for (const changes of [{ heedRounds: 0 }, { resamples: 1 }, { detail: 0.5 }, { holdSeconds: 0 }, { fadeSeconds: 0 }, { overlap: 0.8 }, { labels: [1] }]) expect((await extend(changes))[0].clip).not.toEqual(plain.clip);
    const [pixel] = await extend({}, smallPipeline({ representation: 'pixel' }));
    expect(pixel.clip.channels[0].subarray(0, 4000 - MARGIN)).toEqual(samples.subarray(0, 4000 - MARGIN));
    const short = samples.subarray(0, 300);
    const [{ clip }] = await extend({ sound: sound(short) });
    expect(clip.channels[0].subarray(0, 100)).toEqual(short.subarray(0, 100));
  });

  it.each(SAMPLER_NAMES.flatMap((sampler) => [false, true].map((isBefore) => [sampler, isBefore] as const)))('draws long extensions as they are read, as it draws the whole, under %s (before: %s)', async (sampler, isBefore) => {
    const long = { sampler, isBefore, seconds: 4.3, steps: 2, eta: 0.5, ...(sampler === 'dpmpp2m' ? { heedRounds: 2, resamples: 1 } : sampler === 'ddim' ? { heedRounds: 0, resamples: 2 } : { heedRounds: 1 }) };
    const invert: Vocoder['invert'] = (_, { sampleCount = 0, known } = {}) => {
      const made = new Float32Array(sampleCount);
      known?.spans.forEach(({ from, to }) => made.set(known.channels[0].subarray(from, to), from));
      return { sampleRateHz: SMALL_MEL.sampleRateHz, channels: [made] };
    };
    const [whole] = await extend({ ...long, vocoder: { name: 'silence', invert } });
    const [streamed] = await extend({ ...long, vocoder: { name: 'silence', isContinuing: true, invert } });
    expectClose(streamed.image.data, whole.image.data, { absolute: 1e-3, reason: 'the network rounds otherwise in another batch, and resampling goes through it more often' });
    const { channels: [made] } = streamed.clip;
    expect(made.length).toBe(4000 + Math.round(4.3 * 8000));
    expect(isBefore ? made.slice(made.length - 4000 + MARGIN) : made.slice(0, 4000 - MARGIN)).toEqual(isBefore ? samples.slice(MARGIN) : samples.slice(0, 4000 - MARGIN));
    expect(made).toEqual(whole.clip.channels[0]);
    const { inversion: _, ...other } = whole.sidecar;
    expect(streamed.sidecar).toMatchObject(other);
  });

  it.each([false, true])('shows a UNet for inpainting the kept sound, and asks for no rounds (before: %s)', async (isBefore) => {
    const pipeline = smallPipeline({ unetNetwork: { in_channels: 7, out_channels: 3 } });
    const masks: number[][] = [];
    const forward = pipeline.unet!.forward.bind(pipeline.unet!);
    pipeline.unet!.forward = (inputs: Unet2dInputs) => {
      masks.push([...tf.tidy(() => tf.slice(inputs.sample, [0, 0, 0, 3], [1, 1, -1, 1]).dataSync())]);
      return forward(inputs);
    };
    const [{ sidecar }] = await extend({ seconds: 0.05, steps: 2, isBefore, guidance: 1 }, pipeline);
    expect(sidecar.extension?.heedRounds).toBe(0);
    const kept = isBefore ? [1, 1, 1, 1, 1, 0, 0, 0] : [0, 0, 0, 1, 1, 1, 1, 1]; // half a window, less the margin of one column
    for (const mask of masks) expect(mask).toEqual(kept);
    expect(masks.length).toBeGreaterThan(0);
  });

  it.each([false, true])('draws a long extension as it is read, as it draws the whole, where the UNet is one for inpainting (before: %s)', async (isBefore) => {
    const invert: Vocoder['invert'] = (_, { sampleCount = 0 } = {}) => ({ sampleRateHz: SMALL_MEL.sampleRateHz, channels: [new Float32Array(sampleCount)] });
    const [whole, streamed, deaf] = await Promise.all([{ seed: 1 }, { seed: 1, isContinuing: true }, { seed: 1, isDeaf: true }].map(async ({ isContinuing, isDeaf }) => {
      const pipeline = smallPipeline({ unetNetwork: { in_channels: 7, out_channels: 3 } });
      const forward = pipeline.unet!.forward.bind(pipeline.unet!);
      if (isDeaf) pipeline.unet!.forward = (inputs: Unet2dInputs) => forward({ ...inputs, sample: tf.concat([tf.slice(inputs.sample, [0, 0, 0, 0], [-1, -1, -1, 3]), tf.onesLike(tf.slice(inputs.sample, [0, 0, 0, 3], [-1, -1, -1, 1])), tf.zerosLike(tf.slice(inputs.sample, [0, 0, 0, 4], [-1, -1, -1, 3]))], 3) as tf.Tensor4D });
      const [{ image }] = await extend({ seconds: 4.3, steps: 2, isBefore, vocoder: { name: 'silence', isContinuing, invert } }, pipeline);
      return image.data;
    }));
    expectClose(streamed, whole, { absolute: 1e-3, reason: 'the network rounds otherwise in another batch' });
    expect(Math.max(...deaf.map((value, cell) => Math.abs(value - whole[cell])))).toBeGreaterThan(0.01);
  });

  const quick = createGriffinLimVocoder(SMALL_MEL, { iterations: 1 });

  it.each([false, true])('streams what is long, and leaves no tensor when a stream is left (before: %s)', async (isBefore) => {
    const pipeline = smallPipeline();
    expect(streamExtensions(pipeline, request)).toBeNull();
    const long = { ...request, isBefore, seconds: 9, steps: 1, vocoder: quick };
    await collectSamples(streamExtensions(pipeline, long)!);
    const before = tf.memory().numTensors;
    const pieces = await collectSamples(streamExtensions(pipeline, long)!);
    const [whole] = await collect(extendClips(pipeline, long));
    expect(pieces.length).toBe(2);
    expect(Float32Array.from(pieces.flatMap((piece) => Array.from(piece)))).toEqual(whole.clip.channels[0]);
    for await (const stream of streamExtensions(pipeline, long)!) await stream.pieces.next();
    expect(tf.memory().numTensors).toBe(before);
    pipeline.dispose();
  });

  it.each([false, true])('streams a long extension of stereo sound, both channels as they are drawn whole (before: %s)', async (isBefore) => {
    const pipeline = smallPipeline({ mel: SMALL_STEREO_MEL });
    const channels = [samples, samples.map((value) => -0.3 * value)];
    const asked = { ...request, sound: { sampleRateHz: 8000, channels }, seconds: 9, isBefore, steps: 1, vocoder: createGriffinLimVocoder(SMALL_STEREO_MEL, { iterations: 1 }) };
    for await (const stream of streamExtensions(pipeline, asked)!) {
      const pieces: (readonly Float32Array[])[] = [];
      for await (const piece of stream.pieces) pieces.push(piece.channels);
      expect([stream.channelCount, pieces.length]).toEqual([2, 2]);
      const [whole] = await collect(extendClips(pipeline, asked));
      for (const channel of [0, 1]) {
        expect(joinBlocks(pieces.map((piece) => piece[channel]))).toEqual(whole.clip.channels[channel]);
        const own = whole.clip.channels[channel];
        expect(isBefore ? own.slice(own.length - 4000 + MARGIN) : own.slice(0, 4000 - MARGIN)).toEqual(isBefore ? channels[channel].slice(MARGIN) : channels[channel].slice(0, 4000 - MARGIN));
      }
    }
    pipeline.dispose();
  });

  it('leaves no tensor, also when it is stopped within a step', async () => {
    await extend();
    const before = tf.memory().numTensors;
    await extend();
    const abort = new AbortController();
    await expect(extend({ signal: abort.signal, onStep: () => abort.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what cannot be', () => {
    const pipeline = smallPipeline();
    const refused = (changes: Partial<ExtendRequest>): (() => unknown) => () => extendClips(pipeline, { ...request, ...changes });
    expect(refused({ sound: sound(samples.subarray(0, 200)) })).toThrow('extend: got a sound of 0.025 s, expected at least 0.032 s');
    expect(refused({ sound: { sampleRateHz: 8000, channels: [samples, samples] } })).toThrow('sound: got 2 channels, expected 1, as the model has');
    expect(refused({ sound: { ...sound(samples), sampleRateHz: 44_100 } })).toThrow('got 44100 Hz, expected 8000 Hz');
    expect(refused({ resamples: -1 })).toThrow('resamples: got -1');
    expect(refused({ heedRounds: -1 })).toThrow('heedRounds: got -1');
    expect(refused({ fadeSeconds: 1 })).toThrow(/fadeSeconds: got 1, expected a number in \[0, 0\.\d+\]\. Half a window/);
    expect(refused({ fadeSeconds: -1 })).toThrow('fadeSeconds: got -1');
    expect(refused({ detail: 2 })).toThrow('detail: got 2');
    expect(refused({ holdSeconds: -1 })).toThrow('holdSeconds: got -1');
    expect(refused({ seconds: 0 })).toThrow('seconds: got 0');
    expect(refused({ labels: [7] })).toThrow('labels[0]');
    pipeline.dispose();
  });
});
