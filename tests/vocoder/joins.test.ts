// Given sound and made sound put together: the given samples stay, and where the two meet neither phase nor level breaks.
import { describe, expect, it } from 'vitest';
import { createRegionLimit, replaceWithin } from '../../src/audio/region.js';
import { melSchema } from '../../src/config/mel.js';
import { rmsDb } from '../../src/dsp/loudness.js';
import { resampleLoop } from '../../src/dsp/resample-loop.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { joinAround, joinKnown } from '../../src/vocoder/_join.js';
import { expectClose } from '../support/close.js';
import { fluxAt, frameFlux } from '../support/flux.js';

const mel = melSchema.parse({ melBins: 24, frames: 16, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 });
const codec = createMelCodec(mel);
const COUNT = 64 * 125;

/** The same chord with other phases, which is what a network that hears an image alone makes of it. */
function chord(phases: readonly number[]): Float32Array {
  return Float32Array.from({ length: COUNT }, (_, at) => [310, 470, 1130].reduce((sum, hz, index) => sum + 0.2 * Math.sin((2 * Math.PI * hz * at) / 8000 + phases[index]), 0));
}

const own = chord([0, 0, 0]);
const made = chord([2, -1, 2.9]);

describe('joinKnown', () => {
  it.each([['before', 0, 4000], ['after', 4000, COUNT], ['between', 3000, 5000]] as const)('puts samples that are known %s into a sound of other phases', (_, from, to) => {
    const joined = made.slice();
    joinKnown(mel, joined, { samples: own, spans: [{ from, to }], seed: 1 });
    expect(joined.subarray(from, to)).toEqual(own.subarray(from, to));
    for (const join of [from, to].filter((at) => at > 0 && at < COUNT)) {
      const steps = Array.from(joined, (value, at) => Math.abs(joined[at + 1] - value) || 0);
      expect(Math.max(...steps.slice(join - 2, join + 2))).toBeLessThan(1.2 * Math.max(...Array.from(own, (value, at) => Math.abs(own[at + 1] - value) || 0)));
      const away = join === to ? 1 : -1;
      const { near, elsewhere } = fluxAt(frameFlux(codec, joined), Array.from({ length: 17 }, (__, frame) => join / 64 + away * frame), 1);
      const cut = made.slice();
      cut.set(own.subarray(from, to), from);
      expect(near / elsewhere).toBeLessThan(0.6 * (fluxAt(frameFlux(codec, cut), [join / 64], 3).near / elsewhere)); // of samples that are merely put
      const bridge = joined.subarray(Math.min(join, join + away * 1024), Math.max(join, join + away * 1024));
      expectClose(rmsDb(bridge), rmsDb(own), { absolute: 1, reason: 'tones that change phase on the way dip a little' });
    }
    const far = (samples: Float32Array): Float32Array => (from === 0 ? samples.subarray(to + 1024) : samples.subarray(0, from - 1024));
    expectClose(far(joined), far(made), { absolute: 1e-6, reason: 'what is far from the join stays as it was made' });
  });

  it('leaves a sound alone that has the known samples already', () => {
    const joined = own.map((sample) => sample + 1e-5);
    joinKnown(mel, joined, { samples: own, spans: [{ from: 0, to: 4000 }], seed: 1 });
    expect(joined).toEqual(own.map((sample, at) => (at < 4000 ? sample : sample + 1e-5)));
  });

  it('goes on into silence, and from it', () => {
    const silent = new Float32Array(COUNT);
    joinKnown(mel, silent, { samples: own, spans: [{ from: 0, to: 4000 }], seed: 1 });
    expect(silent.subarray(4000 + 1024).every((sample) => sample === 0)).toBe(true);
    const loud = made.slice();
    joinKnown(mel, loud, { samples: new Float32Array(COUNT), spans: [{ from: 0, to: 4000 }], seed: 1 });
    expect(loud.subarray(0, 4000).every((sample) => sample === 0)).toBe(true);
    expectClose(rmsDb(loud.subarray(5100)), rmsDb(made), { absolute: 0.2 });
  });
});

describe('joinAround', () => {
  it('leads a stretch of other phases from the one border to the other', () => {
    const limit = createRegionLimit({ fromSample: 3000, toSample: 5000, lowHz: 0, highHz: 4000 }, { sampleRateHz: 8000, sampleCount: COUNT });
    const put = (sound: Float32Array): Float32Array => replaceWithin(limit, { samples: own, made: sound });
    const joined = put(joinAround(mel, made, { samples: own, limit }));
    expect(joined.subarray(0, 3000)).toEqual(own.subarray(0, 3000));
    expect(joined.subarray(5000)).toEqual(own.subarray(5000));
    const fluxOf = (sound: Float32Array): number => fluxAt(frameFlux(codec, sound), [3000 / 64, 5000 / 64], 3).near;
    expect(fluxOf(joined)).toBeLessThan(0.7 * fluxOf(put(made)));
    expectClose(rmsDb(joined.subarray(3000, 5000)), rmsDb(own), { absolute: 1.5, reason: 'tones that change phase on the way dip a little' });
  });

  it('makes a band anew and leaves the rest of the spectrum', () => {
    const limit = createRegionLimit({ fromSample: 0, toSample: COUNT, lowHz: 800, highHz: 2000 }, { sampleRateHz: 8000, sampleCount: COUNT });
    const joined = replaceWithin(limit, { samples: own, made: joinAround(mel, made.map((sample) => 0.5 * sample), { samples: own, limit }) });
    const tone = (sound: Float32Array, hz: number): number => {
      let [re, im] = [0, 0];
      for (let at = 1000; at < 7000; at += 1) [re, im] = [re + sound[at] * Math.cos((2 * Math.PI * hz * at) / 8000), im + sound[at] * Math.sin((2 * Math.PI * hz * at) / 8000)];
      return 20 * Math.log10(Math.hypot(re, im));
    };
    for (const hz of [310, 470]) expectClose(tone(joined, hz), tone(own, hz), { absolute: 0.1 });
    expectClose(tone(joined, 1130), tone(own, 1130) - 6.02, { absolute: 1 });
  });
});

describe('resampleLoop', () => {
  it.each([2560, 2560 + 31, 2560 - 32])('brings a loop to %d samples, where it still is one', (count) => {
    const loop = Float32Array.from({ length: 2560 }, (_, at) => 0.4 * Math.sin((2 * Math.PI * 100 * at) / 2560) + 0.3 * Math.sin((2 * Math.PI * 900 * at) / 2560 + 1));
    const expected = Float32Array.from({ length: count }, (_, at) => 0.4 * Math.sin((2 * Math.PI * 100 * at) / count) + 0.3 * Math.sin((2 * Math.PI * 900 * at) / count + 1));
    expectClose(resampleLoop(loop, count), expected, { absolute: 1e-4 });
  });
});
