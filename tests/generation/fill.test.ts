import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import { createRealFft } from '../../src/dsp/real-fft.js';
import { fillSounds, type FillRequest, type InputSound } from '../../src/generation/index.js';
import type { Unet2dInputs } from '../../src/models/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { SMALL_STEREO_MEL, smallPipeline } from '../pipeline/small-pipeline.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { useEngine } from '../support/engine.js';
import { collect, SAMPLERS, sound, vocoder } from './_operations.js';

useEngine();

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

/** A steady tone, so that every sample and every bin has something to keep. */
function tone(sampleCount: number): InputSound {
  return { sampleRateHz: 8000, channels: [Float32Array.from({ length: sampleCount }, (_, index) => 0.3 * Math.sin(index / 5) + 0.2 * Math.sin(index * 1.3))], file: 'tone.wav' };
}

const request: FillRequest = { sounds: [tone(900)], seeds: [5], region: { fromSeconds: 0.04, toSeconds: 0.08 }, steps: 3, guidance: 1, sampler: 'dpmpp2m', vocoder };
const filled = async (changes: Partial<FillRequest>): Promise<Float32Array> => (await collect(fillSounds(pipeline, { ...request, ...changes })))[0].clip.channels[0];

/** The most that one sample is off the line of its neighbours, around a place. */
function roughness(samples: Float32Array, from: number, to: number): number {
  let most = 0;
  for (let index = Math.max(1, from); index < Math.min(samples.length - 1, to); index += 1) {
    most = Math.max(most, Math.abs(samples[index - 1] - 2 * samples[index] + samples[index + 1]));
  }
  return most;
}

describe('fillSounds', () => {
  it.each(SAMPLERS)('keeps every sample before and behind a stretch of time, under $sampler with eta $eta', async ({ sampler, eta }) => {
    const [own] = request.sounds[0].channels;
    for (const steps of [1, 3]) {
      const made = await filled({ sampler, eta, steps });
      expect(made.length).toBe(900);
      expect(made.subarray(0, 320)).toEqual(own.subarray(0, 320));
      expect(made.subarray(640)).toEqual(own.subarray(640));
      expect(made.subarray(400, 560)).not.toEqual(own.subarray(400, 560));
    }
  });

  it('has no click at its borders', async () => {
    const made = await filled({});
    const [own] = request.sounds[0].channels;
    const within = Math.max(roughness(made, 400, 560), roughness(own, 1, 899));
    for (const border of [320, 640]) expect(roughness(made, border - 3, border + 3)).toBeLessThan(1.2 * within);
  });

  it('fills stereo sound: outside the stretch the samples of both channels stay, and neither border has a click', async () => {
    const stereo = smallPipeline({ mel: SMALL_STEREO_MEL });
    const [left] = tone(4000).channels;
    const channels = [left, left.map((value, index) => 0.3 * value + 0.1 * Math.sin(index / 3))];
    const asked = { ...request, vocoder: createGriffinLimVocoder(SMALL_STEREO_MEL, { iterations: 8 }), sounds: [{ sampleRateHz: 8000, channels }], region: { fromSeconds: 0.24, toSeconds: 0.28 } };
    const [{ clip, image }] = await collect(fillSounds(stereo, asked));
    stereo.dispose();
    expect(clip.channels.length).toBe(2);
    for (const [channel, made] of clip.channels.entries()) {
      const own = channels[channel];
      expect(made.subarray(0, 1920)).toEqual(own.subarray(0, 1920));
      expect(made.subarray(2240)).toEqual(own.subarray(2240));
      expect(made.subarray(2000, 2160)).not.toEqual(own.subarray(2000, 2160));
      const within = Math.max(roughness(made, 2000, 2160), roughness(own, 1, 3999));
      for (const border of [1920, 2240]) expect(roughness(made, border - 3, border + 3)).toBeLessThan(1.2 * within);
    }
    expect(image.data.length).toBe(3 * 8 * 16);
  });

  it('keeps the spectrum outside a band', async () => {
    const hit = tone(900).channels[0].map((value, index) => value * Math.sin((Math.PI * index) / 900) ** 4); // silent at both ends
    const made = await filled({ sounds: [{ sampleRateHz: 8000, channels: [hit] }], region: { lowHz: 1200, highHz: 2400 } });
    const fft = createRealFft(2048);
    const magnitudes = (samples: Float32Array): Float64Array => {
      const [frame, re, im] = [new Float64Array(2048), new Float64Array(1025), new Float64Array(1025)];
      frame.set(samples);
      fft.forward(frame, re, im);
      return re.map((value, bin) => Math.hypot(value, im[bin]));
    };
    const difference = magnitudes(made.map((value, index) => value - hit[index]));
    const loudest = Math.max(...difference);
    const hzOf = (bin: number): number => (bin * 8000) / 2048;
    // The drawn band does not end in silence here, so what rings past the sound's ends is cut and spreads a little.
    difference.forEach((magnitude, bin) => (hzOf(bin) < 900 || hzOf(bin) > 2800) && expect(magnitude).toBeLessThan(0.03 * loudest));
    expect(made).not.toEqual(hit);
  });

  it('fills any place of a sound longer than the slice, and nothing else of it', async () => {
    const [own] = tone(4000).channels;
    for (const [from, to] of [[0, 0.05], [0.2, 0.26], [0.45, 0.5]] as const) {
      const made = await filled({ sounds: [tone(4000)], region: { fromSeconds: from, toSeconds: to } });
      const differing = made.map((value, index) => Number(value !== own[index]));
      expect(made.length).toBe(4000);
      expect([differing.indexOf(1) >= from * 8000, differing.lastIndexOf(1) < to * 8000]).toEqual([true, true]);
      expect(differing.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(0.9 * (to - from) * 8000);
    }
  });

  it('keeps more of what was there at a smaller strength, and heeds the fade', async () => {
    const [own] = request.sounds[0].channels;
    const distance = (made: Float32Array): number => made.reduce((sum, value, index) => sum + Math.abs(value - own[index]), 0);
    const weak = await filled({ strength: 0.05 });
    expect(weak).not.toEqual(await filled({ strength: 1 }));
    expect(distance(await filled({ fadeSeconds: 0.02 }))).toBeLessThan(distance(await filled({ fadeSeconds: 0 })));
  });

  it('follows rounds, resampling, detail and hold', async () => {
    const within: Partial<FillRequest> = { sounds: [tone(4000)], region: { fromSeconds: 0.25, toSeconds: 0.26 }, holdSeconds: 0.016 };
    const plain = await filled(within);
    for (const changes of [{ heedRounds: 0 }, { resamples: 1 }, { detail: 0.5 }, { holdSeconds: 0 }]) expect(await filled({ ...within, ...changes }), JSON.stringify(changes)).not.toEqual(plain);
  });

  it('shows a UNet for inpainting what is kept, in time and in pitch, and asks for no rounds', async () => {
    const inpainting = smallPipeline({ unetNetwork: { in_channels: 7, out_channels: 3 } });
    const seen: { mask: number[]; kept: Float32Array }[] = [];
    const forward = inpainting.unet!.forward.bind(inpainting.unet!);
    inpainting.unet!.forward = (inputs: Unet2dInputs) => {
      tf.tidy(() => seen.push({ mask: [...tf.slice(inputs.sample, [0, 0, 0, 3], [1, -1, -1, 1]).dataSync()], kept: tf.slice(inputs.sample, [0, 0, 0, 4], [1, -1, -1, 3]).dataSync<'float32'>() }));
      return forward(inputs);
    };
    for (const [region, isDrawn] of [[{ fromSeconds: 0.05, toSeconds: 0.06 }, (row: number, column: number) => row >= 0 && column >= 2 && column < 5], [{ lowHz: 1600, highHz: 2400 }, (row: number) => row >= 2]] as const) {
      const [{ sidecar }] = await collect(fillSounds(inpainting, { ...request, region, guidance: 2 }));
      expect(sidecar.operationSettings).toMatchObject({ heedRounds: 0 });
      const { mask, kept } = seen.at(-1)!;
      const cells = Array.from({ length: 32 }, (_, cell) => (isDrawn(Math.floor(cell / 8), cell % 8) ? 1 : 0));
      expect(mask).toEqual(cells);
      expect(kept.every((value, index) => (value !== 0) === (cells[Math.floor(index / 3)] === 0))).toBe(true);
    }
    const before = tf.memory().numTensors;
    await collect(fillSounds(inpainting, request));
    expect(tf.memory().numTensors).toBe(before);
    inpainting.dispose();
  });

  it('says how each clip was made', async () => {
    const [{ sidecar, image }] = await collect(fillSounds(pipeline, { ...request, region: { fromSeconds: 0.04, highHz: 2000 }, fadeSeconds: 0.005, fadeOctaves: 0.5 }));
    expect(sidecar).toMatchObject({
      operation: 'fill', durationSeconds: 900 / 8000,
      operationSettings: { strength: 1, region: { fromSample: 320, toSample: 900, lowHz: 0, highHz: 2000 }, fadeSeconds: 0.005, fadeOctaves: 0.5, heedRounds: 2, resamples: 0, detail: 1, input: { file: 'tone.wav', sampleCount: 900 } },
    });
    expect(image.data.length).toBe(8 * 16);
  });

  it.each<[string, Partial<FillRequest>]>([
    ['region: from and to: got 0.04 and 0.2 s, expected within 0 and 0.1125 s', { region: { fromSeconds: 0.04, toSeconds: 0.2 } }],
    ['region: from and to', { region: { fromSeconds: 0.12 } }],
    ['region: low and high: got 0 and 5000 Hz, expected within 0 and 4000 Hz', { region: { highHz: 5000 } }],
    ['expected at most 0.12 s, the model\'s slice', { sounds: [tone(4000)], region: { fromSeconds: 0.1, toSeconds: 0.3 } }],
    ['strength: got 1.5', { strength: 1.5 }],
    ['strength', { strength: 0 }],
    ['fadeSeconds', { fadeSeconds: -1 }],
    ['heedRounds: got -1', { heedRounds: -1 }],
    ['resamples: got 0.5', { resamples: 0.5 }],
    ['detail: got 1.5', { detail: 1.5 }],
    ['holdSeconds: got 1, expected a number in [0, 0.04]. A third of the slice is the most', { holdSeconds: 1 }],
    ['got 44100 Hz, expected 8000 Hz', { sounds: [{ ...sound(1), sampleRateHz: 44_100 }] }],
    ['sounds and seeds', { seeds: [1, 2] }],
  ])('refuses %s at once', (message, changes) => {
    expect(() => fillSounds(pipeline, { ...request, ...changes })).toThrow(message);
  });
});
