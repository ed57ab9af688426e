import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { recoverSignal } from '../../src/dsp/recover-signal.js';
import { createLoopStft } from '../../src/dsp/loop-stft.js';
import { expectClose } from '../support/close.js';

const settings = { fftSize: 256, hopSamples: 64 };
const noise = (length: number): Float32Array => createRandom(1).normals(length);
const rolled = (signal: Float32Array, by: number): Float32Array => signal.map((_, index) => signal[(index + by) % signal.length]);

describe('createLoopStft', () => {
  it.each([[640, 10], [641, 10], [1000, 16], [1013, 15], [256, 4], [300, 3]])('gives %d samples back from %d frames', (sampleCount, frames) => {
    const stft = createLoopStft({ ...settings, sampleCount, frames });
    const signal = noise(sampleCount);
    const spectrum = stft.createSpectrum(stft.frameCount(sampleCount));
    const back = new Float32Array(sampleCount);
    stft.forwardInto(signal, spectrum);
    stft.inverseInto(spectrum, back);
    expectClose(back, signal, { absolute: 1e-5 });
  });

  it('knows no first sample: a turned loop has its frames turned, round the end too', () => {
    const stft = createLoopStft({ ...settings, sampleCount: 640, frames: 10 });
    const [straight, turned] = [stft.createSpectrum(10), stft.createSpectrum(10)];
    const signal = noise(640);
    stft.forwardInto(signal, straight);
    stft.forwardInto(rolled(signal, 3 * 64), turned);
    for (let n = 0; n < 10; n += 1) expectClose(turned.re.subarray(n * 129, n * 129 + 129), straight.re.subarray(((n + 3) % 10) * 129, ((n + 3) % 10) * 129 + 129));
  });

  it('lets Griffin-Lim find a loop whose end is like any other place', () => {
    // Magnitudes of a tone that does not fit the loop: a transform with ends would leave a click there.
    const [sampleCount, frames] = [2053, 32];
    const stft = createLoopStft({ ...settings, sampleCount, frames });
    const magnitude = new Float32Array(frames * 129);
    for (let n = 0; n < frames; n += 1) [[20, 0.5], [21, 1], [22, 0.5]].forEach(([bin, level]) => (magnitude[n * 129 + bin] = level * 64));
    const sound = recoverSignal(stft, { magnitude, frameCount: frames, binCount: 129 }, { sampleCount, iterations: 40, start: 'random' });
    expect(sound.length).toBe(sampleCount);
    const bend = (at: number): number => Math.abs(sound[(at + 1) % sampleCount] - 2 * sound[at % sampleCount] + sound[(at + sampleCount - 1) % sampleCount]);
    const bends = Array.from({ length: sampleCount }, (_, at) => bend(at)).sort((a, b) => a - b);
    expect(Math.max(bend(sampleCount - 1), bend(0))).toBeLessThanOrEqual(bends[Math.floor(sampleCount * 0.999)]);
  });

  it('refuses loops shorter than a transform and frames that leave gaps', () => {
    expect(() => createLoopStft({ ...settings, sampleCount: 255, frames: 4 })).toThrow('loop: sampleCount: got 255');
    expect(() => createLoopStft({ ...settings, sampleCount: 1024, frames: 7 })).toThrow('loop: frames: got 7');
  });
});
