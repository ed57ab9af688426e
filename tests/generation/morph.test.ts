import * as fc from 'fast-check';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evenPositions, unevenness } from '../../src/generation/_even-steps.js';
import { morphSounds, varySounds, type MorphRequest } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { collect, ROUNDING, SAMPLERS, sound, vocoder } from './_operations.js';

useEngine();

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

const request: MorphRequest = { from: { sound: sound(1) }, to: { sound: sound(2), mix: { parts: [{ label: 1 }] } }, count: 5, steps: 4, guidance: 1, sampler: 'ddim', vocoder };
const deterministic = SAMPLERS.filter(({ addsNoise }) => !addsNoise);
const noisy = SAMPLERS.filter(({ addsNoise }) => addsNoise);

describe('morphSounds between sounds', () => {
  it.each(deterministic)('begins and ends with their round trips, under $sampler', async ({ sampler }) => {
    const trips = await collect(varySounds(pipeline, { sounds: [sound(1), sound(2)], seeds: [0, 0], strength: 0, steps: 4, guidance: 1, vocoder }));
    for (const steps of [1, 4]) {
      const clips = await collect(morphSounds(pipeline, { ...request, sampler, steps, rounds: 0 }));
      expectClose(clips[0].image.data, trips[0].image.data, ROUNDING);
      expectClose(clips[4].image.data, trips[1].image.data, ROUNDING);
      expect(clips.every(({ image }) => image.data.every(Number.isFinite))).toBe(true);
    }
  });

  it.each(noisy)('refuses $sampler with eta $eta, whose fresh noise nothing leads back through', ({ sampler, eta }) => {
    expect(() => morphSounds(pipeline, { ...request, sampler, eta })).toThrow('which adds fresh noise');
  });

  it('takes steps that are even within a factor of 1.5, where even positions are not', async () => {
    const uneven = { ...request, count: 6, steps: 6, from: { sound: sound(1, 300) }, to: { seed: 3 } };
    const changes = async (rounds: number): Promise<number[]> =>
      (await collect(morphSounds(pipeline, { ...uneven, rounds }))).map(({ sidecar }) => (sidecar as { operationSettings: { changeDb: number | null } }).operationSettings.changeDb).slice(1) as number[];
    const even = await changes(6);
    expect(unevenness(even)).toBeLessThan(1.5);
    expect(unevenness(even)).toBeLessThanOrEqual(unevenness(await changes(0)));
  });

  it('says how each clip was made, reports to the end, stops when aborted and leaves no tensors', async () => {
    const seen: number[] = [];
    const clips = await collect(morphSounds(pipeline, { ...request, count: 3, onStep: ({ doneSteps, totalSteps, doneClips }) => seen.push(doneSteps / totalSteps + doneClips) }));
    expect(seen.at(-1)).toBe(4);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect(clips[1].sidecar).toMatchObject({
      operation: 'morph', steps: 4,
      operationSettings: { from: { seed: null, input: { file: 'sound 1.wav' }, mix: { parts: [] } }, to: { mix: { parts: [{ label: 'Snäre / drum' }] } }, count: 3, rounds: 3, corrections: 3 },
    });
    const positions = clips.map(({ sidecar }) => (sidecar as { operationSettings: { position: number } }).operationSettings.position);
    expect([positions[0], positions[2]]).toEqual([0, 1]);
    expect(positions[1] > 0 && positions[1] < 1).toBe(true);
    const before = tf.memory().numTensors;
    await collect(morphSounds(pipeline, { ...request, count: 2 }));
    const abort = new AbortController();
    let steps = 0;
    const stopped = collect(morphSounds(pipeline, {
      ...request, signal: abort.signal,
      onStep: () => {
        steps += 1;
        if (steps === 6) abort.abort(new Error('enough'));
      },
    }));
    await expect(stopped).rejects.toThrow('enough');
    expect(steps).toBe(6);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[string, Partial<MorphRequest>]>([
    ['count: got 1', { count: 1 }],
    ['rounds', { rounds: -1 }],
    ['corrections', { corrections: 0.5 }],
    ['from: got a sound and a seed', { from: { sound: sound(1), seed: 3 } }],
    ['to.seed', { to: { seed: -1 } }],
    ['expected 8000 Hz', { to: { sound: { ...sound(1), sampleRateHz: 22_050 } } }],
    ['expected at most 0.13 s', { from: { sound: sound(1, 2000) } }],
    ['mixes[1].parts[0].label', { to: { mix: { parts: [{ label: 7 }] } } }],
  ])('refuses %s at once', (message, changes) => {
    expect(() => morphSounds(pipeline, { ...request, ...changes })).toThrow(message);
  });
});

describe('evenPositions', () => {
  it('are even where change goes on evenly between', () => {
    expectClose(evenPositions([0, 0.5, 1], [3, 1]), [0, 1 / 3, 1], { absolute: 1e-12 });
    expectClose(evenPositions([0, 0.25, 0.5, 1], [2, 2, 2]), [0, 0.25, 0.5, 1], { absolute: 1e-12 });
    expect(evenPositions([0, 0.5, 1], [0, 0])).toEqual([0, 0.5, 1]);
  });

  it('rise from 0 to 1 whatever was measured', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 }), (changes) => {
        const positions = changes.map((_, index) => index / changes.length).concat(1);
        const even = evenPositions(positions, changes);
        expect([even[0], even.at(-1)]).toEqual([0, 1]);
        even.forEach((position, index) => expect(position).toBeGreaterThanOrEqual(index === 0 ? 0 : even[index - 1]));
      }),
    );
  });
});
