import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createRealFft } from '../../src/dsp/real-fft.js';
import { createStft } from '../../src/dsp/stft.js';
import { expectClose } from '../support/close.js';
import { float32, float64, readLibrosaFixture } from './fixtures/librosa.js';

const noise = (count: number, seed: number): Float32Array => createRandom(seed, 'stft test').normals(count);

/** Windows and hops over which the transform must be linear and invertible. */
const settings = fc
  .record({ power: fc.integer({ min: 3, max: 9 }), windowShare: fc.double({ min: 0.5, max: 1, noNaN: true }), hopShare: fc.double({ min: 0.05, max: 0.5, noNaN: true }) })
  .map(({ power, windowShare, hopShare }) => {
    const fftSize = 2 ** power;
    const windowSamples = Math.max(4, Math.round(fftSize * windowShare));
    const hopSamples = Math.max(1, Math.floor(windowSamples * hopShare));
    return { fftSize, windowSamples, hopSamples };
  });

describe('createRealFft', () => {
  it.each([8, 16, 32, 512, 1024, 2048])('agrees with the sum that defines it, size %i', (size) => {
    const frame = Float64Array.from(noise(size, size));
    const fft = createRealFft(size);
    const re = new Float64Array(fft.binCount);
    const im = new Float64Array(fft.binCount);
    fft.forward(frame, re, im);
    const slowRe = new Float64Array(fft.binCount);
    const slowIm = new Float64Array(fft.binCount);
    for (let k = 0; k < fft.binCount; k += 1) {
      for (let index = 0; index < size; index += 1) {
        slowRe[k] += frame[index] * Math.cos((2 * Math.PI * k * index) / size);
        slowIm[k] -= frame[index] * Math.sin((2 * Math.PI * k * index) / size);
      }
    }
    expectClose(re, slowRe, { absolute: 1e-9 });
    expectClose(im, slowIm, { absolute: 1e-9 });
    const power = new Float64Array(fft.binCount + 2);
    fft.power(frame, power, 1);
    expectClose(power, Float64Array.from([0, ...slowRe.map((real, k) => real ** 2 + slowIm[k] ** 2), 0]), { absolute: 1e-9, relative: 1e-10 });
    const back = new Float64Array(size);
    fft.inverse(re, im, back);
    expectClose(back, frame, { absolute: 1e-12 });
  });
});

describe('createStft', () => {
  it.each(readLibrosaFixture().stft.map((stored) => [`${stored.fftSize}/${stored.windowSamples}/${stored.hopSamples}`, stored] as const))(
    'agrees with librosa forward and inverse, %s',
    (_name, stored) => {
      const stft = createStft(stored);
      const signal = float32(stored.signal);
      const spectrum = stft.forward(signal);
      expectClose(spectrum.re, float32(stored.re), { absolute: 1e-5, relative: 1e-5 });
      expectClose(spectrum.im, float32(stored.im), { absolute: 1e-5, relative: 1e-5 });
      for (let n = 0; n < spectrum.frameCount; n += 1) {
        for (let bin = 0; bin < spectrum.binCount; bin += 1) {
          spectrum.re[n * spectrum.binCount + bin] *= 1 + ((bin + 2 * n) % 3);
          spectrum.im[n * spectrum.binCount + bin] *= 1 + ((bin + 2 * n) % 3);
        }
      }
      expectClose(stft.inverse(spectrum, signal.length), Float32Array.from(float64(stored.changedInverse)), { absolute: 1e-5, relative: 1e-5 });
    },
  );

  it('is inverted for every window and hop', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 1500 }), fc.integer(), (options, sampleCount, seed) => {
        const stft = createStft(options);
        const signal = noise(sampleCount, seed);
        // A hop of half a window leaves the last samples under the foot of one window, where float32 rounding is divided by a small number.
        const edge = Math.sin((Math.PI * (options.windowSamples / 2 - options.hopSamples + 1)) / options.windowSamples) ** 2;
        expectClose(stft.inverse(stft.forward(signal), sampleCount), signal, { absolute: (2e-6 * Math.log2(options.fftSize)) / edge });
      }),
      { numRuns: 150 },
    );
  });

  it('is linear', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 600 }), fc.integer(), fc.float({ min: -4, max: 4, noNaN: true }), (options, count, seed, factor) => {
        const stft = createStft(options);
        const a = noise(count, seed);
        const b = noise(count, seed + 1);
        const sum = stft.forward(a.map((value, index) => value + factor * b[index]));
        const spectrumA = stft.forward(a);
        const spectrumB = stft.forward(b);
        const largest = ({ re, im }: typeof sum): number => [re, im].reduce((most, part) => part.reduce((max, value) => Math.max(max, Math.abs(value)), most), 0);
        const tolerance = { absolute: 1e-6 * (largest(spectrumA) + Math.abs(factor) * largest(spectrumB)), reason: 'float32 rounds what the two sides add up to' };
        expectClose(sum.re, spectrumA.re.map((value, cell) => value + factor * spectrumB.re[cell]), tolerance);
        expectClose(sum.im, spectrumA.im.map((value, cell) => value + factor * spectrumB.im[cell]), tolerance);
      }),
      { numRuns: 60 },
    );
  });

  it('gives the power of some frames, those at the ends and silent ones too', () => {
    const stft = createStft({ fftSize: 64, windowSamples: 50, hopSamples: 16 });
    const signal = noise(400, 4).fill(0, 130, 300);
    const { re, im, frameCount, binCount } = stft.forward(signal);
    const whole = Float64Array.from(re, (real, cell) => real ** 2 + im[cell] ** 2);
    for (const [from, to] of [[0, frameCount], [0, 1], [3, 9], [10, 18], [frameCount - 2, frameCount]]) {
      const power = new Float64Array((to - from) * binCount).fill(7);
      stft.powerInto(signal, from, power);
      expectClose(power, whole.slice(from * binCount, to * binCount), { absolute: 1e-4, relative: 1e-6 });
    }
  });

  it('reads a full-scale sine as 1 at its bin', () => {
    const stft = createStft({ fftSize: 1024, windowSamples: 800, hopSamples: 200 });
    const { re, im, binCount } = stft.forward(Float32Array.from({ length: 4096 }, (_, index) => Math.sin((2 * Math.PI * 40 * index) / 1024)));
    expectClose(Math.hypot(re[10 * binCount + 40], im[10 * binCount + 40]) * stft.fullScale, 1, { absolute: 1e-5 });
  });

  it('says which setting is wrong and what to use', () => {
    expect(() => createStft({ fftSize: 1000, hopSamples: 250 })).toThrow(/stft: fftSize: got 1000, expected a power of two/);
    expect(() => createStft({ fftSize: 1024, hopSamples: 0 })).toThrow(/stft: hopSamples: got 0, expected an integer in \[1, 512\]\. Use about a quarter/);
    expect(() => createStft({ fftSize: 1024, hopSamples: 513 })).toThrow(/hopSamples/);
    expect(() => createStft({ fftSize: 1024, hopSamples: 256, windowSamples: 1025 })).toThrow(/windowSamples/);
    expect(() => createStft({ fftSize: 64, hopSamples: 16 }).forward(new Float32Array(0))).toThrow(/no samples/);
  });
});
