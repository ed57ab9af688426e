// Long clips as they are made: the samples, images and files of the whole, with nothing left when it stops.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLER_NAMES } from '../../src/diffusion/index.js';
import { generateClips, isStreamed, streamClips, type ClipPiece, type ClipStream, type GeneratedClip, type GenerateRequest, type Sidecar } from '../../src/generation/index.js';
import { writeStreams } from '../../src/generation/write-stream.node.js';
import { writeGenerated } from '../../src/generation/write.node.js';
import { deriveVocos, vocosSchema } from '../../src/config/vocoder.js';
import { reportInversion } from '../../src/vocoder/inversion-report.js';
import { createNeuralVocoder } from '../../src/vocoder/neural-vocoder.js';
import { createVocoderNetwork } from '../../src/vocoder/vocoder-network.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { joinFrames } from '../../src/spectrogram/frames.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import type { Vocoder } from '../../src/vocoder/vocoder.js';
import { SMALL_MEL, SMALL_STEREO_MEL, smallPipeline } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

let pipeline: Pipeline;
const root = mkdtempSync(join(tmpdir(), 'melstrom é stream-'));
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => {
  pipeline.dispose();
  rmSync(root, { recursive: true, force: true });
});

const vocoder = createGriffinLimVocoder(SMALL_MEL, { iterations: 1 });
/** The same, of which nobody knows that it goes on: so clips are drawn whole. */
const whole: Vocoder = { name: vocoder.name, invert: vocoder.invert };
/** Silence, for what is said of images alone. */
const silence: Vocoder = { name: 'silence', isContinuing: true, invert: (_, { sampleCount = 0 } = {}) => ({ sampleRateHz: SMALL_MEL.sampleRateHz, channels: [new Float32Array(sampleCount)] }) };
const SECONDS = 9.1234; // 1141 frames: two pieces of the inverter
const request: GenerateRequest = { labels: [0, 1], seeds: [5, 6], sampler: 'dpmpp2m', steps: 2, guidance: 2, vocoder, seconds: SECONDS };

async function collect(clips: AsyncIterable<GeneratedClip>): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

interface Read {
  readonly pieces: readonly ClipPiece[];
  readonly sidecar: Sidecar;
}

async function read({ pieces }: ClipStream): Promise<Read> {
  const all: ClipPiece[] = [];
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) return { pieces: all, sidecar: value };
    all.push(value);
  }
}

describe('streamClips', () => {
  it('gives the images of clips that are drawn whole, and the samples that the vocoder makes of these', async () => {
    const expected = await collect(generateClips(pipeline, { ...request, vocoder: whole }));
    let count = 0;
    for await (const stream of streamClips(pipeline, request)) {
      const { pieces, sidecar } = await read(stream);
      const { image, sidecar: { inversion, batch, ...other } } = expected[stream.index];
      const streamed = joinFrames(pieces.map((piece) => piece.image));
      const samples = pieces.flatMap((piece) => Array.from(piece.channels[0]));
      expect([pieces.length, samples.length, stream.sampleCount]).toEqual([2, Math.round(8000 * SECONDS), Math.round(8000 * SECONDS)]);
      expectClose(streamed.data, image.data, { absolute: 1e-4, reason: 'the network rounds otherwise in another batch' });
      expect(Float32Array.from(samples)).toEqual(vocoder.invert(streamed, { seed: stream.seed, sampleCount: stream.sampleCount }).channels[0]);
      expect(sidecar).toMatchObject({ ...other, batch: { ...batch, size: 1 } });
      expectClose(sidecar.inversion!.spectralConvergenceDb!, inversion!.spectralConvergenceDb!, { absolute: 0.05, reason: 'phases turn with the rounding of the image' });
      expectClose(sidecar.inversion!.levelDifferenceDb!, inversion!.levelDifferenceDb!, { absolute: 0.05, reason: 'as above' });
      count += 1;
    }
    expect(count).toBe(2);
  });

  it.each([...SAMPLER_NAMES.map((sampler) => ({ sampler, steps: 2, eta: sampler === 'ddim' ? 0.5 : 0 })), { sampler: 'heun' as const, steps: 1, eta: 0 }, { overlap: 0 }, { overlap: 0.8 }, { labels: [null] }])(
    'gives the images of the whole with %j', async (changes) => {
      const asked = { ...request, labels: [0], seeds: [5], seconds: 4.2, vocoder: silence, ...changes };
      const [expected] = await collect(generateClips(pipeline, { ...asked, vocoder: { ...silence, isContinuing: false } }));
      const [streamed] = await collect(generateClips(pipeline, asked));
      expectClose(streamed.image.data, expected.image.data, { absolute: 2e-4, reason: 'the network rounds otherwise in another batch' });
    });

  it('is what generateClips does of long clips, to the last bit, and of models on pixels', async () => {
    const clips = await collect(generateClips(pipeline, request));
    for await (const stream of streamClips(pipeline, request)) {
      const { pieces, sidecar } = await read(stream);
      expect(Float32Array.from(pieces.flatMap(({ channels: [samples] }) => Array.from(samples)))).toEqual(clips[stream.index].clip.channels[0]);
      expect(sidecar).toEqual(clips[stream.index].sidecar);
    }
    const pixel = smallPipeline({ representation: 'pixel' });
    const [whole1] = await collect(generateClips(pixel, { ...request, seconds: 4.2, vocoder: whole }));
    const [streamed] = await collect(generateClips(pixel, { ...request, seconds: 4.2 }));
    expectClose(streamed.image.data, whole1.image.data, { absolute: 1e-4, reason: 'as above' });
    pixel.dispose();
  });

  it.each(SAMPLER_NAMES)('draws both images of a model with an upscaler as they come, with %s', async (sampler) => {
    const progressive = progressivePipeline();
    const asked = { ...request, sampler, eta: sampler === 'ddim' ? 0.5 : 0, upscalerSteps: 3, labels: [1], seeds: [5], seconds: 4.5, vocoder: silence };
    const seen: number[] = [];
    const onStep = ({ doneSteps, totalSteps }: { doneSteps: number; totalSteps: number }): number => seen.push(doneSteps / totalSteps);
    const [expected] = await collect(generateClips(progressive, { ...asked, vocoder: { ...silence, isContinuing: false } }));
    const [streamed] = await collect(generateClips(progressive, { ...asked, onStep }));
    expectClose(streamed.image.data, expected.image.data, { absolute: 5e-4, reason: 'the networks round otherwise in another batch' });
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect([seen[0] < 0.5, seen.at(-1)]).toEqual([true, 1]);
    progressive.dispose();
  });

  it('draws of a model with an upscaler what the whole is, however little of it is read, enlarged where it is not trained, and leaves no tensor', async () => {
    const [progressive, rough] = [progressivePipeline(), progressivePipeline({ upscaler: { factor: 4, unet: null } })];
    const asked = { ...request, labels: [1], seeds: [5], seconds: 13, steps: 1, vocoder: silence };
    for (const model of [progressive, rough]) {
      const [expected] = await collect(generateClips(model, { ...asked, vocoder: { ...silence, isContinuing: false } }));
      const before = tf.memory().numTensors;
      const [streamed] = await collect(generateClips(model, asked));
      expectClose(streamed.image.data, expected.image.data, { absolute: 5e-4, reason: 'as above' });
      for await (const { pieces } of streamClips(model, asked)) await pieces.next();
      expect(tf.memory().numTensors).toBe(before);
      model.dispose();
    }
  });

  it('streams stereo sound, written to the bytes that the whole would have', async () => {
    const stereo = smallPipeline({ mel: SMALL_STEREO_MEL });
    const own = createGriffinLimVocoder(SMALL_STEREO_MEL, { iterations: 1 });
    const asked = { ...request, labels: [0], seeds: [5], vocoder: own };
    const [expected] = await collect(generateClips(stereo, { ...asked, vocoder: { name: own.name, invert: own.invert } }));
    const [clip] = await collect(generateClips(stereo, asked));
    expectClose(clip.image.data, expected.image.data, { absolute: 1e-4, reason: 'the network rounds otherwise in another batch' });
    expect(clip.clip.channels.map((channel) => channel.length)).toEqual([Math.round(8000 * SECONDS), Math.round(8000 * SECONDS)]);
    const sum = (channels: readonly Float32Array[]): number => channels.reduce((all, channel) => all + channel.reduce((power, value) => power + value * value, 0), 0);
    expectClose(10 * Math.log10(sum(clip.clip.channels) / sum(expected.clip.channels)), 0, { absolute: 0.2, reason: 'the last piece goes on from the first' });
    for (const bitDepth of [16, 24, 32] as const) {
      const [streamed, whole1] = ['streamed', 'whole'].map((kind) => mkdtempSync(join(root, `stereo ${bitDepth} ${kind} `)));
      for await (const { wav } of writeStreams(streamed, ['a'], streamClips(stereo, asked), { bitDepth })) expect(readFileSync(wav).readUInt16LE(22)).toBe(2);
      for await (const { wav } of writeGenerated(whole1, ['a'], generateClips(stereo, asked), { bitDepth })) expect(readFileSync(wav).equals(readFileSync(join(streamed, 'a.wav')))).toBe(true);
    }
    stereo.dispose();
  });

  it('streams what a network makes: the samples that it makes of the whole image', async () => {
    const network = createVocoderNetwork(deriveVocos(vocosSchema.parse({ dim: 8, intermediate_dim: 8, num_layers: 1 }), SMALL_MEL), SMALL_MEL, { seed: 3 });
    const neural = createNeuralVocoder(network);
    const [clip] = await collect(generateClips(pipeline, { ...request, labels: [0], seeds: [5], vocoder: neural }));
    expect(isStreamed(pipeline, { ...request, vocoder: neural })).toBe(true);
    const [channel] = neural.invert(clip.image, { sampleCount: Math.round(8000 * SECONDS) }).channels;
    expectClose(clip.clip.channels[0], channel, { absolute: 1e-5, reason: 'pieces of other lengths round otherwise' });
    const { sidecar: { inversion } } = clip;
    expectClose(inversion!.spectralConvergenceDb!, reportInversion(clip.image, clip.clip).spectralConvergenceDb!, { absolute: 0.05, reason: 'edges of pieces are compared by the pieces' });
    network.vocos.dispose();
  });

  it('gives each clip what it gets alone, leaves out what is to be skipped, and reports to the end', async () => {
    const asked = { ...request, seconds: 4.2 };
    const both = await collect(generateClips(pipeline, asked));
    const [alone] = await collect(generateClips(pipeline, { ...asked, labels: [1], seeds: [6] }));
    expect(both[1].clip).toEqual(alone.clip);
    const seen: number[] = [];
    const rest = await collect(generateClips(pipeline, { ...asked, skip: (index) => index === 0, onStep: ({ doneSteps, totalSteps }) => seen.push(doneSteps / totalSteps) }));
    expect(rest).toEqual([both[1]]);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect(seen.at(-1)).toBe(1);
  });

  it('leaves no tensor: at the end, when a clip is left in its middle or not read at all, when aborted', async () => {
    for await (const stream of streamClips(pipeline, request)) await read(stream);
    const before = tf.memory().numTensors;
    for await (const stream of streamClips(pipeline, request)) await read(stream);
    expect(tf.memory().numTensors).toBe(before);
    for await (const stream of streamClips(pipeline, request)) {
      await stream.pieces.next();
      if (stream.index === 1) break;
    }
    for await (const stream of streamClips(pipeline, request)) expect(stream.sampleCount).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
    const abort = new AbortController();
    let reports = 0;
    const stopped = collect(generateClips(pipeline, { ...request, signal: abort.signal, onStep: () => ((reports += 1), reports === 5 && abort.abort(new Error('enough'))) }));
    await expect(stopped).rejects.toThrow('enough');
    expect([reports, tf.memory().numTensors]).toEqual([5, before]);
  });

  it('is for long clips that are no loops, of models and vocoders that can', async () => {
    expect(isStreamed(pipeline, request)).toBe(true);
    for (const changes of [{ seconds: 4 }, { isLoop: true }, { vocoder: whole }]) {
      expect(isStreamed(pipeline, { ...request, ...changes })).toBe(false);
      expect(() => streamClips(pipeline, { ...request, ...changes })).toThrow('streamClips: got clips that are drawn whole');
    }
    expect(() => streamClips(pipeline, { ...request, steps: 0 })).toThrow('steps: got 0');
  });

  it('stops at numbers that are not finite, with the seed', async () => {
    const broken = smallPipeline();
    broken.unet!.parameters.get('conv_out.bias').variable.assign(tf.tensor1d([Number.NaN, 0, 0]));
    await expect(collect(generateClips(broken, request))).rejects.toThrow('seed 5');
    broken.dispose();
  });
});

describe('writeStreams', () => {
  /** The vocoder, so loud that integers cannot hold it. */
  const loud: Vocoder = {
    name: 'loud', isContinuing: true,
    invert: (image, { seed, sampleCount } = {}) => {
      const { sampleRateHz, channels } = vocoder.invert(image, { seed, sampleCount });
      return { sampleRateHz, channels: channels.map((channel) => channel.map((sample) => 40 * sample)) };
    },
  };

  it.each([
    ['16', { bitDepth: 16 as const }, vocoder], ['24', { bitDepth: 24 as const, run: '/a/run', png: true }, vocoder], ['32', { bitDepth: 32 as const }, vocoder],
    ['loud 16', { bitDepth: 16 as const }, loud], ['loud 32', { bitDepth: 32 as const }, loud],
  ])('writes the bytes that the whole would have, at %s bits', async (name, options, own) => {
    const asked = { ...request, seconds: 8.7001, vocoder: own };
    const [streamed, expected] = ['streamed', 'whole'].map((kind) => mkdtempSync(join(root, `${name} ${kind} `)));
    const gains: number[] = [];
    for await (const { gainDb, wav } of writeStreams(streamed, ['a', 'b'], streamClips(pipeline, asked), options)) gains.push(gainDb, readFileSync(wav).length);
    const others: number[] = [];
    for await (const { gainDb, wav } of writeGenerated(expected, ['a', 'b'], generateClips(pipeline, asked), options)) others.push(gainDb, readFileSync(wav).length);
    expect(gains).toEqual(others);
    if (name === 'loud 16') expect(gains[0]).toBeLessThan(0);
    expect(readdirSync(streamed).sort()).toEqual(name === '24' ? ['a.json', 'a.png', 'a.wav', 'b.json', 'b.png', 'b.wav'] : ['a.json', 'a.wav', 'b.json', 'b.wav']);
    for (const file of readdirSync(expected)) {
      const [got, wanted] = [streamed, expected].map((folder) => readFileSync(join(folder, file)));
      if (!file.endsWith('.json')) expect(got.equals(wanted)).toBe(true);
      else expect(JSON.parse(got.toString())).toEqual(JSON.parse(wanted.toString()));
    }
  });

  it('leaves whole clips alone when it is stopped, and overwrites nothing unasked', async () => {
    const folder = mkdtempSync(join(root, 'stopped '));
    const abort = new AbortController();
    const clips = streamClips(pipeline, { ...request, signal: abort.signal, onStep: ({ doneSteps }) => doneSteps === 3 && abort.abort(new Error('enough')) });
    await expect((async () => {
      for await (const _ of writeStreams(folder, ['a', 'b'], clips));
    })()).rejects.toThrow('enough');
    expect(readdirSync(folder).sort()).toEqual(['a.json', 'a.wav']);
    const again = writeStreams(folder, ['a', 'b'], streamClips(pipeline, request));
    await expect(again.next()).rejects.toThrow('already there');
    for await (const { wav } of writeStreams(folder, ['a', 'b'], streamClips(pipeline, request), { force: true })) expect(readFileSync(wav).length).toBeGreaterThan(100_000);
  });
});
