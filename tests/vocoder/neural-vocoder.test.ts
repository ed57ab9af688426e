import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';
import { deriveVocos, vocosSchema } from '../../src/config/vocoder.js';
import { midSide } from '../../src/dsp/mid-side.js';
import { peak, rmsDb } from '../../src/dsp/loudness.js';
import { melDistance } from '../../src/evaluation/mel-distance.js';
import { supportsBfloat16, withConvPrecision } from '../../src/engine/ops/index.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { sliceFrames } from '../../src/spectrogram/frames.js';
import { imageChannel } from '../../src/spectrogram/mel-image.js';
import { createStereoCodec } from '../../src/spectrogram/stereo-codec.js';
import { pieceSpans } from '../../src/vocoder/piece-spans.js';
import { createGriffinLimVocoder, type Inverter, type InverterRequest } from '../../src/vocoder/griffin-lim-vocoder.js';
import { createMagnitudeVocoder } from '../../src/vocoder/magnitude-vocoder.js';
import { createThreadedGriffinLim } from '../../src/vocoder/threaded-griffin-lim.node.js';
import { melPrior } from '../../src/vocoder/mel-prior.js';
import { createNeuralVocoder, createOwnVocoder } from '../../src/vocoder/neural-vocoder.js';
import { createVocoderNetwork, type VocoderNetwork } from '../../src/vocoder/vocoder-network.js';
import { sounds } from '../spectrogram/sounds.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const codec = createMelCodec(defaultMelSettings);
const config = deriveVocos(vocosSchema.parse({ dim: 8, intermediate_dim: 8, num_layers: 2 }), defaultMelSettings);
let network: VocoderNetwork;
beforeAll(() => {
  network = createVocoderNetwork(config, defaultMelSettings, { seed: 4 });
});
afterAll(() => network.vocos.dispose());

const invert = (sound: Float32Array, sampleCount?: number): Float32Array => createNeuralVocoder(network).invert(codec.analyse(sound), { sampleCount }).channels[0];

describe('the prior of magnitudes', () => {
  it('keeps the power of noise in every mel bin, and moves by as much as the image does', () => {
    const { weights, bias } = melPrior(defaultMelSettings);
    const { binCount } = codec.stft;
    const { melBins, frameCount, data } = { ...codec.analyse(sounds.noise), melBins: defaultMelSettings.melBins };
    const frame = Float32Array.from({ length: melBins }, (_, row) => data[row * frameCount + 40]);
    const magnitudes = (image: Float32Array): Float32Array => Float32Array.from({ length: binCount }, (_, bin) => Math.exp(bias[bin] + image.reduce((sum, value, row) => sum + value * weights[row * binCount + bin], 0)));
    const logs = magnitudes(frame).map(Math.log);
    const quieter = frame.map((value) => value - (2 * 10) / 86); // 10 dB
    expectClose(magnitudes(quieter), logs.map((value) => Math.exp(value - Math.LN10 / 2)), { relative: 1e-4 });
    const ofNoise = 0.5 * Math.log(0.1 ** 2 * 0.375 * 1024); // deviation 0.1 under a Hann window of 1024
    expectClose(logs.slice(100, 500).reduce((sum, value) => sum + value, 0) / 400, ofNoise, { absolute: 0.3 });
  });
});

describe('createNeuralVocoder', () => {
  it('makes the sound of its network: the same as the transform on tensors', () => {
    const image = codec.analyse(sounds.drum.subarray(0, 256 * 40));
    const frames = Float32Array.from({ length: image.data.length }, (_, index) => image.data[(index % 80) * image.frameCount + Math.floor(index / 80)]);
    const expected = tf.tidy(() => network.vocos.forward(tf.tensor3d(frames, [1, image.frameCount, 80]))).dataSync();
    expectClose(createNeuralVocoder(network).invert(image).channels[0], expected, { absolute: 2e-5 });
  });

  it('starts near the level of the image before it has learnt anything, and draws nothing at random', () => {
    const first = invert(sounds.noise);
    expectClose(rmsDb(first), rmsDb(sounds.noise), { absolute: 12, reason: 'phases are still arbitrary' });
    expect(invert(sounds.noise)).toEqual(first);
  });

  it('brings silence back as zeros, also where only a part is silent', () => {
    expect(peak(invert(sounds.silence))).toBe(0);
    const got = invert(sounds.click);
    expect(peak(got.subarray(0, 11_025 - 1536))).toBe(0);
    expect(peak(got.subarray(11_025 + 1536))).toBe(0);
    expect(peak(got)).toBeGreaterThan(0);
    const faint = codec.analyse(sounds.noise.map((sample) => sample / 30));
    expect(peak(createNeuralVocoder(network).invert(faint).channels[0])).toBeGreaterThan(0);
    expect(peak(createNeuralVocoder(network, { gateDb: 60 }).invert(faint).channels[0])).toBe(0);
  });

  it('makes of a long image, in parts, what it makes of it whole', () => {
    const image = codec.analyse(Float32Array.from({ length: 2200 * 256 }, (_, index) => sounds.noise[index % sounds.noise.length]));
    const whole = createNeuralVocoder(network).invert(image).channels[0];
    const from = 900;
    const piece = { ...image, frameCount: 300, data: Float32Array.from({ length: 80 * 300 }, (_, index) => image.data[Math.floor(index / 300) * image.frameCount + from + (index % 300)]) };
    const [inner, margin] = [createNeuralVocoder(network).invert(piece).channels[0], 20 * 256];
    expectClose(inner.subarray(margin, -margin), whole.subarray(from * 256 + margin, (from + 299) * 256 - margin), { absolute: 1e-5 });
  });

  it('gives the number of samples that is asked for, and leaves no tensor', () => {
    const sound = sounds.click.subarray(0, 2560);
    const before = tf.memory().numTensors;
    expect(invert(sound).length).toBe(2560);
    for (const sampleCount of [1, 100, 2559, 2600, 2816, 9000]) {
      const got = invert(sound, sampleCount);
      expect(got.length).toBe(sampleCount);
      expect(got.every(Number.isFinite)).toBe(true);
    }
    expect(() => invert(sound, 0)).toThrow(/invert: sampleCount: got 0/);
    expect(invert(new Float32Array(10).fill(0.1), 10).length).toBe(10);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('sounds the same whatever the precision in force', (context) => {
    if (!supportsBfloat16()) context.skip('needs the native kernels and a processor with AVX512_BF16 or AMX');
    const wide = createVocoderNetwork({ ...config, dim: 32, intermediate_dim: 32 }, defaultMelSettings, { seed: 4 });
    const image = codec.analyse(sounds.noise);
    const made = (): Float32Array => createNeuralVocoder(wide).invert(image).channels[0];
    expect(withConvPrecision('bfloat16', made)).toEqual(made());
    wide.vocos.dispose();
  });

  it.each([256 * 40, 256 * 40 + 90, 256 * 40 - 128])('makes loops of exactly %d samples, each the same from wherever it begins', (sampleCount) => {
    const image = codec.analyse(sounds.noise.subarray(0, 256 * 39));
    const turned = { ...image, data: Float32Array.from(image.data, (_, cell) => image.data[cell - (cell % 40) + ((cell + 16) % 40)]) };
    const [loop, later] = [image, turned].map((one) => createNeuralVocoder(network).invert(one, { isLoop: true, sampleCount }).channels[0]);
    expect([loop.length, later.length]).toEqual([sampleCount, sampleCount]);
    const shift = Math.round((16 * sampleCount) / 40);
    if (sampleCount % 40 === 0) expectClose(later, loop.map((_, at) => loop[(at + shift) % sampleCount]), { absolute: 1e-5 });
    expectClose(rmsDb(loop), rmsDb(invert(sounds.noise.subarray(0, 256 * 39))), { absolute: 1 });
    const steps = Array.from(loop, (value, at) => Math.abs(loop[(at + 1) % sampleCount] - value));
    expect(steps[sampleCount - 1]).toBeLessThanOrEqual([...steps].sort((a, b) => a - b)[Math.floor(0.999 * sampleCount)]);
    expect(createNeuralVocoder(network).invert(image, { isLoop: true }).channels[0].length).toBe(256 * 40);
  });

  it('keeps known samples, whose rest is what the network makes but for a bridge', () => {
    const image = codec.analyse(sounds.drum);
    const alone = createNeuralVocoder(network).invert(image, { sampleCount: sounds.drum.length }).channels[0];
    const before = tf.memory().numTensors;
    const made = createNeuralVocoder(network).invert(image, { sampleCount: sounds.drum.length, known: { channels: [sounds.drum], spans: [{ from: 0, to: 8000 }] } }).channels[0];
    expect(made.subarray(0, 8000)).toEqual(sounds.drum.subarray(0, 8000));
    expect(made.subarray(8000 + 4 * 1024)).toEqual(alone.subarray(8000 + 4 * 1024));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('goes on from itself piece after piece as it makes the whole: a piece has the frames that it depends on', () => {
    const image = codec.analyse(Float32Array.from({ length: 1400 * 256 }, (_, index) => sounds.noise[index % sounds.noise.length]));
    const vocoder = createNeuralVocoder(network);
    const whole = vocoder.invert(image).channels[0];
    const spans = [...pieceSpans({ frameCount: image.frameCount, sampleCount: whole.length, hopSamples: 256, fftSize: 1024, contextFrames: vocoder.contextFrames })];
    expect(spans.length).toBe(2);
    const made = new Float32Array(whole.length);
    let end = 0;
    for (const span of spans) {
      const known = { channels: [made.slice(span.from, span.to)], spans: [{ from: 0, to: end - span.from }] };
      const { channels: [piece] } = vocoder.invert(sliceFrames(image, span.first, span.last), { sampleCount: span.to - span.from, ...(end > 0 && { known }) });
      made.set(piece.subarray(end - span.from, span.end - span.from), end);
      end = span.end;
    }
    expectClose(made, whole, { absolute: 1e-5 });
  });

  it('makes stereo sound of mid and side: the mid is its own, and a sound on the left stays there', () => {
    const stereoMel = melSchema.parse({ channels: 2 });
    const [left, right] = [0.9, 0.3].map((gain) => sounds.drum.map((sample) => gain * sample));
    const image = createStereoCodec(stereoMel).analyse(left, right);
    const { channels } = createOwnVocoder(stereoMel, network).invert(image);
    expectClose(midSide(channels[0], channels[1])[0], createNeuralVocoder(network).invert(imageChannel(image, 0)).channels[0], { absolute: 1e-6 });
    expectClose(rmsDb(channels[0]) - rmsDb(channels[1]), 20 * Math.log10(3), { absolute: 0.5 });
    const known = { channels: [left, right], spans: [{ from: 0, to: 9000 }] };
    const going = createOwnVocoder(stereoMel, network).invert(image, { sampleCount: left.length, known }).channels;
    going.forEach((channel, index) => expect(channel.subarray(0, 9000)).toEqual(known.channels[index].subarray(0, 9000)));
    expect(createOwnVocoder(defaultMelSettings, network).invert(imageChannel(image, 0)).channels.length).toBe(1);
  });

  describe('of a network that predicts magnitudes', () => {
    let learnt: VocoderNetwork;
    beforeAll(() => {
      learnt = createVocoderNetwork({ ...config, predicts: 'magnitudes' }, defaultMelSettings, { seed: 4 });
      const bias = learnt.vocos.parameters.get('head.out.bias').variable;
      bias.assign(tf.tensor1d(Float32Array.from({ length: 513 }, (_, bin) => 0.7 - bin / 513 + Math.sin(bin)))); // louder below, quieter above, uneven
    });
    afterAll(() => learnt.vocos.dispose());

    it('has the level of the image and its mel bins, whatever it has learnt; and a loop too', () => {
      const image = codec.analyse(sounds.noise);
      const { channels: [made] } = createNeuralVocoder(learnt).invert(image, { sampleCount: sounds.noise.length });
      expectClose(rmsDb(made), rmsDb(sounds.noise), { absolute: 0.1 });
      expect(melDistance(image, codec.analyse(made)).activeErrorDb).toBeLessThan(1.1);
      const { channels: [loop] } = createNeuralVocoder(learnt).invert(image, { isLoop: true });
      expectClose(rmsDb(loop), rmsDb(sounds.noise), { absolute: 0.2 });
    });

    it('gives its magnitudes to the inverter that is asked for, and their phases are that one\'s', () => {
      const image = codec.analyse(sounds.noise.subarray(0, 256 * 39));
      const seen: InverterRequest[] = [];
      const inverter = createGriffinLimVocoder(defaultMelSettings, { iterations: 3 });
      const watched: Inverter = { ...inverter, invert: (one, request = {}) => (seen.push(request), inverter.invert(one, request)) };
      const vocoder = createMagnitudeVocoder(learnt, watched);
      const made = vocoder.invert(image, { seed: 2, sampleCount: 9000 });
      const { magnitude, frameCount, binCount } = seen[0].magnitudes!;
      expect([frameCount, binCount, seen[0].seed, seen[0].sampleCount]).toEqual([image.frameCount, 513, 2, 9000]);
      expect(made).toEqual(createNeuralVocoder(learnt, { iterations: 3 }).invert(image, { seed: 2, sampleCount: 9000 }));
      expect(made).not.toEqual(inverter.invert(image, { seed: 2, sampleCount: 9000 }));
      const { bank, mel } = codec.toMelTarget(image);
      for (const [frame, filter] of [[5, 10], [20, 40], [38, 79]]) {
        const held = magnitude.subarray(frame * 513, (frame + 1) * 513).reduce((sum, value, bin) => sum + bank.weights[filter * 513 + bin] * value ** 2, 0);
        expectClose(10 * Math.log10(held / mel[frame * 80 + filter]), 0, { absolute: 0.5 });
      }
      expect(vocoder.name).toMatch(/^vocos-[0-9a-f]{8}-griffin-lim-3$/);
    });

    it('needs no more of a frame than its context, and of a loop the frames at the other end', () => {
      const seen: Float32Array[] = [];
      const inverter = createGriffinLimVocoder(defaultMelSettings, { iterations: 0 });
      const vocoder = createMagnitudeVocoder(learnt, { ...inverter, invert: (one, request = {}) => (seen.push(request.magnitudes!.magnitude), inverter.invert(one, request)) });
      const image = codec.analyse(sounds.noise.subarray(0, 256 * 79));
      const turned = { ...image, data: Float32Array.from(image.data, (_, cell) => image.data[cell - (cell % 80) + ((cell + 30) % 80)]) };
      for (const [one, isLoop] of [[image, false], [sliceFrames(image, 20, 60), false], [image, true], [turned, true]] as const) vocoder.invert(one, { isLoop });
      const [whole, piece, loop, later] = seen;
      const context = vocoder.contextFrames!;
      expectClose(piece.subarray(context * 513, (40 - context) * 513), whole.subarray((20 + context) * 513, (60 - context) * 513), { relative: 1e-3, absolute: 1e-6 });
      expectClose(later.subarray(0, 50 * 513), loop.subarray(30 * 513), { relative: 1e-3, absolute: 1e-6 });
    });

    it('keeps known samples, and what lies around a part that is made anew', () => {
      const vocoder = createNeuralVocoder(learnt);
      const image = codec.analyse(sounds.drum);
      const sampleCount = sounds.drum.length;
      const { channels: [going] } = vocoder.invert(image, { sampleCount, known: { channels: [sounds.drum], spans: [{ from: 0, to: 8000 }] } });
      expect(going.subarray(0, 8000)).toEqual(sounds.drum.subarray(0, 8000));
      const limit = (difference: Float32Array): void => void difference.fill(0, 0, 6000).fill(0, 9000);
      const { channels: [around] } = vocoder.invert(image, { sampleCount, around: { channels: [sounds.drum], limit } });
      const off = around.subarray(0, 5000).reduce((sum, value, index) => sum + (value - sounds.drum[index]) ** 2, 0) / sounds.drum.subarray(0, 5000).reduce((sum, value) => sum + value * value, 0);
      expect(10 * Math.log10(off)).toBeLessThan(-20);
    });

    it('keeps silence, gives the samples that are asked for, and leaves no tensor', () => {
      const make = (sound: Float32Array, options: { sampleCount?: number; gateDb?: number } = {}): Float32Array => createNeuralVocoder(learnt, { gateDb: options.gateDb }).invert(codec.analyse(sound), options).channels[0];
      const before = tf.memory().numTensors;
      expect(peak(make(sounds.silence))).toBe(0);
      expect(peak(make(sounds.noise.map((sample) => sample / 30), { gateDb: 60 }))).toBe(0);
      expect(peak(make(sounds.click).subarray(0, 11_025 - 1536))).toBe(0);
      for (const sampleCount of [1, 2559, 2816, 9000]) expect(make(sounds.click.subarray(0, 2560), { sampleCount })).toHaveLength(sampleCount);
      expect(tf.memory().numTensors).toBe(before);
    });

    it('gives in threads what it gives without', async () => {
      const image = codec.analyse(sounds.drum);
      const threaded = createMagnitudeVocoder(learnt, createThreadedGriffinLim(defaultMelSettings, {}, { workers: 1 }));
      expect(await threaded.invert(image, { seed: 3 })).toEqual(createNeuralVocoder(learnt).invert(image, { seed: 3 }));
    });
  });

  it('is named after its weights', () => {
    const other = createVocoderNetwork(config, defaultMelSettings, { seed: 5 });
    const names = [network, network, other].map((one) => createNeuralVocoder(one).name);
    expect(names[0]).toMatch(/^vocos-[0-9a-f]{8}$/);
    expect(names[1]).toBe(names[0]);
    expect(names[2]).not.toBe(names[0]);
    other.vocos.dispose();
  });

  it('refuses the image of another codec by name, and what is no image', () => {
    const other = createMelCodec(melSchema.parse({ hopSamples: 128 })).analyse(sounds.click);
    expect(() => createNeuralVocoder(network).invert(other)).toThrow(/mel hopSamples: got hopSamples 128, expected hopSamples 256/);
    const image = codec.analyse(sounds.click);
    expect(() => createNeuralVocoder(network).invert({ ...image, data: image.data.map(() => Number.NaN) })).toThrow(/finite/);
    expect(() => createNeuralVocoder(network, { gateDb: 61 })).toThrow(/gateDb: got 61/);
  });
});
