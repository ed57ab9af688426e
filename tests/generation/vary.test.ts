import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codecHash } from '../../src/spectrogram/codec-identity.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { generateClips, varySounds, type VaryRequest } from '../../src/generation/index.js';
import { reconstructImage } from '../../src/generation/reconstruct.js';
import { ParameterTree } from '../../src/nn/index.js';
import { sha256, type AnyUnet, type Pipeline } from '../../src/pipeline/index.js';
import { smallPipeline, SMALL_MEL } from '../pipeline/small-pipeline.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { collect, ROUNDING, SAMPLERS, sound, vocoder } from './_operations.js';

useEngine();

/** Answers v = 0 to everything, which is right of data that is unit normal noise. */
function idealUnet(channels: number): AnyUnet {
  return {
    config: { in_channels: channels, out_channels: channels, block_out_channels: [8, 8], num_class_embeds: 3 },
    parameters: new ParameterTree(null),
    forward: ({ sample }: { sample: tf.Tensor4D }) => tf.zerosLike(sample),
    dispose: () => undefined,
  } as unknown as AnyUnet;
}

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

const request: VaryRequest = { sounds: [sound(1)], seeds: [5], strength: 0.5, steps: 4, guidance: 1, sampler: 'dpmpp2m', vocoder };
const imageOf = async (changes: Partial<VaryRequest>): Promise<Float32Array> => (await collect(varySounds(pipeline, { ...request, ...changes })))[0].image.data;

/** The sound's image through the autoencoder alone. */
function roundTrip(): Float32Array {
  return reconstructImage(pipeline, createMelCodec(SMALL_MEL).analyse(padded())).data;
}

/** The sound, filled with silence to the slice. */
function padded(): Float32Array {
  const samples = new Float32Array(15 * 64);
  samples.set(request.sounds[0].channels[0]);
  return samples;
}

describe('varySounds', () => {
  it.each(SAMPLERS)('gives the round trip at strength 0 and what generate draws at 1, under $sampler with eta $eta', async ({ sampler, eta }) => {
    expectClose(await imageOf({ strength: 0, sampler, eta }), roundTrip(), ROUNDING);
    for await (const { image } of generateClips(pipeline, { ...request, sampler, eta, labels: [null], guidance: 1 })) {
      expectClose(await imageOf({ strength: 1, sampler, eta }), image.data, ROUNDING);
      expectClose(await imageOf({ strength: 1, sampler, eta, sounds: [sound(2)] }), image.data, ROUNDING);
    }
  });

  it('goes ever further from the sound between', async () => {
    // On pixels, where the round trip is the image itself and no autoencoder of chance weights stands between.
    const pixels = smallPipeline({ representation: 'pixel', latentScale: 1, latentShift: 0, unet: idealUnet(1) });
    const origin = createMelCodec(SMALL_MEL).analyse(padded()).data;
    for (const { sampler, eta } of SAMPLERS.filter(({ addsNoise }) => !addsNoise)) {
      const distances: number[] = [];
      for (let tenth = 0; tenth <= 10; tenth += 1) {
        const [{ image }] = await collect(varySounds(pixels, { ...request, sampler, eta, strength: tenth / 10, steps: 20 }));
        distances.push(image.data.reduce((sum, value, cell) => sum + Math.abs(value - origin[cell]), 0) / origin.length);
      }
      distances.forEach((distance, tenth) => expect(distance, `${sampler}: ${distances.join(' ')}`).toBeGreaterThan(tenth === 0 ? -1 : distances[tenth - 1]));
      expect(distances[0]).toBe(0);
    }
    pixels.dispose();
  });

  it('says how each clip was made', async () => {
    const [{ sidecar, clip }] = await collect(varySounds(pipeline, { ...request, mixes: [{ parts: [{ label: 1 }], negative: [] }] }));
    const [samples] = request.sounds[0].channels;
    expect(sidecar).toMatchObject({
      operation: 'vary', label: 'Snäre / drum', seed: 5, sampler: 'dpmpp2m', steps: 4, hashes: { codec: codecHash(SMALL_MEL) },
      operationSettings: {
        strength: 0.5, mix: { parts: [{ label: 'Snäre / drum', prompt: null, weight: 1 }], negative: [] },
        input: { file: 'sound 1.wav', sampleCount: 900, sha256: await sha256(new Uint8Array(samples.buffer)) },
      },
    });
    expect(clip.channels[0].length).toBe(15 * 64);
  });

  it.each<[string, Partial<VaryRequest>]>([
    ['strength: got 1.5, expected a number in [0, 1]', { strength: 1.5 }],
    ['strength', { strength: -0.1 }],
    ['strength', { strength: Number.NaN }],
    ['sounds and seeds: got 1 and 2', { seeds: [1, 2] }],
    ['sound 1.wav: got 44100 Hz, expected 8000 Hz', { sounds: [{ ...sound(1), sampleRateHz: 44_100 }] }],
    ['sound 1.wav: got 0.13 s, expected at most 0.13 s, the 16 frames', { sounds: [sound(1, 1024)] }],
    ['sounds[0]: got 2 channels, expected 1', { sounds: [{ sampleRateHz: 8000, channels: [new Float32Array(9), new Float32Array(9)] }] }],
    ['no samples', { sounds: [{ sampleRateHz: 8000, channels: [new Float32Array(0)] }] }],
    ['steps', { steps: 0 }],
  ])('refuses %s at once', (message, changes) => {
    expect(() => varySounds(pipeline, { ...request, ...changes })).toThrow(message);
  });
});
