import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { combineClips, fillSounds, morphSounds, repeatOperation, varySounds, type OperationClip, type OperationSidecar } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';
import { collect, sound, vocoder } from './_operations.js';

useEngine();

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

const sampling = { steps: 3, guidance: 2, guidanceRescale: 0.3, sampler: 'ddim', eta: 0, batchSize: 1, vocoder } as const;
const mixes = [{ parts: [{ label: 0, weight: 3 }, { label: 1, weight: 0.1 }], negative: [{ label: 1 }] }];
const one = { ...sampling, seeds: [8], mixes, sounds: [sound(4)] };

/** Makes a clip again from its sidecar, as it is after it has been written and read. */
async function repeated({ sidecar, seed }: OperationClip): Promise<OperationClip> {
  const record = JSON.parse(JSON.stringify(sidecar)) as OperationClip['sidecar'];
  const readSound = async ({ file }: { file?: string }) => sound(Number(/\d/.exec(file!)![0]));
  const [again] = await collect(repeatOperation(pipeline, { record, request: { ...sampling, seeds: [seed] }, readSound }));
  return again;
}

describe('repeatOperation', () => {
  it.each([
    ['vary', () => varySounds(pipeline, { ...one, strength: 0.7 })],
    ['fill', () => fillSounds(pipeline, { ...one, region: { fromSeconds: 0.0301, toSeconds: 0.07, lowHz: 300 }, strength: 0.8, fadeSeconds: 0.004, fadeOctaves: 0.3, heedRounds: 1, resamples: 1, detail: 0.7 })],
    ['combine', () => combineClips(pipeline, one)],
  ] as const)('gives every byte of %s again', async (_, operate) => {
    const [clip] = await collect(operate());
    expect(await repeated(clip)).toEqual(clip);
  });

  it('fills as earlier versions did where the sidecar is of one: two resamples, no rounds, no detail carried over', async () => {
    const filled = { ...one, region: { fromSeconds: 0.03, toSeconds: 0.07 } };
    const [earlier] = await collect(fillSounds(pipeline, { ...filled, heedRounds: 0, resamples: 2, detail: 0 }));
    const { heedRounds: _rounds, resamples: _resamples, detail: _detail, ...operationSettings } = (earlier.sidecar as OperationSidecar & { operation: 'fill' }).operationSettings;
    const again = await repeated({ ...earlier, sidecar: { ...earlier.sidecar, operationSettings } as OperationSidecar });
    expect(again.clip).toEqual(earlier.clip);
    expect(again.clip).not.toEqual((await collect(fillSounds(pipeline, filled)))[0].clip);
  });

  it('gives every clip of a morph again', async () => {
    const clips = await collect(morphSounds(pipeline, { ...sampling, from: { sound: sound(1), mix: mixes[0] }, to: { seed: 7 }, count: 3, rounds: 1, corrections: 1, seed: 4 }));
    for (const clip of clips) expect(await repeated(clip)).toEqual(clip);
  });

  it('refuses another sound than went in, and a label that is not there', async () => {
    const [clip] = await collect(varySounds(pipeline, { ...one, strength: 0.7 }));
    const request = { ...sampling, seeds: [8] };
    await expect(collect(repeatOperation(pipeline, { record: clip.sidecar, request, readSound: async () => sound(5) }))).rejects.toThrow('sound 4.wav: got a sound of 900 samples');
    const other = smallPipeline({ labels: ['snare'], unetNetwork: { num_class_embeds: 2 } });
    await expect(collect(repeatOperation(other, { record: clip.sidecar, request, readSound: async () => sound(4) }))).rejects.toThrow("sidecar: label: got 'kick'");
    other.dispose();
  });
});
