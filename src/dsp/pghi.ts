// Phase for magnitudes that came without one, in one pass: phase gradient heap integration. Knows no mel and no iterations.
import { requireNumber } from '../base/checks.js';
import { createRandom } from '../base/random.js';
import type { Magnitudes } from './magnitudes.js';
import { createMaxHeap } from './max-heap.js';
import type { Transform } from './stft.js';

export interface PghiOptions {
  /** Chooses the phases that nothing determines: of each separate region's loudest cell, and of cells below the tolerance. Default 0. */
  readonly seed?: number;
  /** Share of the loudest magnitude below which a cell's phase is left to chance. In [0, 1), default 1e-4: 80 dB below. */
  readonly tolerance?: number;
}

/**
 * γ/windowSamples² of the Gauss window exp(-πt²/γ) that is most like a Hann window.
 * Source: Průša, Balazs, Søndergaard (2017), table of windows.
 */
const HANN_RATIO = 0.25645;
/** Half of the main lobe of a Hann window, in bins of a transform as long as the window. */
const LOBE_BINS = 2;
/** By so much a click rises and falls again within half a window. Unit: nepers, here 6 dB. */
const CLICK_RISE = 0.69;
/** Logarithms are taken of nothing quieter than this share of the loudest magnitude. */
const LEAST_SHARE = 1e-7;

/**
 * Estimates phases from magnitudes alone. Under a Gauss window the logarithm of the magnitudes and the phase determine each
 * other's slopes; under a Hann window nearly so. The slopes are integrated from the loudest cells outwards, each time from the
 * loudest cell reached to its neighbours, so that errors stay in quiet cells. Steady tones advance and clicks align as they do in
 * the sound, which random phases need many iterations for.
 *
 * From bin to bin that holds within the main lobe of a partial and along a click. How partials stand to each other, a spectrogram tells by
 * their beating, of which one made from mel bands has nothing: smooth as it is, it says that all are in step, and the sound would peak as no
 * recording does. So each partial, or stretch as wide as one, begins with a phase of its own.
 *
 * Source: Průša, Balazs, Søndergaard, "A noniterative method for reconstruction of phase from STFT magnitude" (2017).
 * Shape: [N*F] -> [N*F]. Unit: radians, as `stft` measures them: from the first sample of each frame.
 */
export function phaseGradientHeapIntegration(stft: Transform, target: Magnitudes, { seed = 0, tolerance = 1e-4 }: PghiOptions = {}): Float32Array {
  requireNumber('pghi: tolerance', tolerance, { min: 0, max: 1 - 1e-9 });
  const { magnitude, binCount } = target;
  const loudest = magnitude.reduce((a, b) => Math.max(a, b), 0);
  const { perFrame, perBin, isClick } = phaseSlopes(stft, target, loudest);
  const lobe = Math.round((LOBE_BINS * stft.fftSize) / stft.windowSamples);
  const random = createRandom(seed, 'pghi');
  const phase = new Float32Array(magnitude.length);
  const isKnown = new Uint8Array(magnitude.length);
  /** Bins from the peak that a cell belongs to. */
  const fromPeak = new Uint16Array(magnitude.length);
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    if (magnitude[cell] > tolerance * loudest) continue;
    phase[cell] = turn(random.uint32());
    isKnown[cell] = 1;
  }
  const heap = createMaxHeap(magnitude);
  const isPeak = (cell: number, bin: number): boolean => (bin === 0 || magnitude[cell - 1] < magnitude[cell]) && (bin === binCount - 1 || magnitude[cell + 1] <= magnitude[cell]);
  const reach = (cell: number, value: number, distance: number): void => {
    phase[cell] = value;
    fromPeak[cell] = isPeak(cell, cell % binCount) ? 0 : distance;
    isKnown[cell] = 1;
    heap.push(cell);
  };
  for (const start of loudestFirst(magnitude)) {
    if (isKnown[start] === 1) continue;
    reach(start, turn(random.uint32()), 0);
    while (heap.size > 0) {
      const cell = heap.pop();
      const bin = cell % binCount;
      const distance = fromPeak[cell];
      const isWithin = (next: number): boolean => (distance < lobe && magnitude[next] <= magnitude[cell]) || (isClick[cell] === 1 && isClick[next] === 1);
      const [before, after, below, above] = [cell - binCount, cell + binCount, cell - 1, cell + 1];
      if (after < magnitude.length && isKnown[after] === 0) reach(after, phase[cell] + (perFrame[cell] + perFrame[after]) / 2, distance);
      if (before >= 0 && isKnown[before] === 0) reach(before, phase[cell] - (perFrame[cell] + perFrame[before]) / 2, distance);
      if (bin < binCount - 1 && isKnown[above] === 0 && isWithin(above)) reach(above, phase[cell] + (perBin[cell] + perBin[above]) / 2, distance + 1);
      if (bin > 0 && isKnown[below] === 0 && isWithin(below)) reach(below, phase[cell] - (perBin[cell] + perBin[below]) / 2, distance + 1);
    }
  }
  return phase;
}

/**
 * How the phase changes from frame to frame and from bin to bin, from s = log magnitude by central differences:
 * 2πka/M + aM/γ·∂s/∂k and -γ/(aM)·∂s/∂n - 2πc/M, with hop a, transform size M, bin k, frame n, and the window's centre c after a
 * frame's first sample. And where a click is: far louder than half a window before and after.
 * Shape: [N*F] each. Unit: radians.
 */
function phaseSlopes({ fftSize, hopSamples, windowSamples }: Transform, { magnitude, binCount, frameCount }: Magnitudes, loudest: number): { perFrame: Float32Array; perBin: Float32Array; isClick: Uint8Array } {
  const gamma = HANN_RATIO * windowSamples ** 2;
  const centre = Math.floor((fftSize - windowSamples) / 2) + windowSamples / 2;
  const least = Math.max(loudest * LEAST_SHARE, Number.MIN_VALUE);
  const logs = magnitude.map((value) => Math.log(Math.max(value, least)));
  const perFrame = new Float32Array(magnitude.length);
  const perBin = new Float32Array(magnitude.length);
  const isClick = new Uint8Array(magnitude.length);
  const half = Math.max(1, Math.round(windowSamples / hopSamples / 2)) * binCount;
  for (let n = 0; n < frameCount; n += 1) {
    for (let bin = 0; bin < binCount; bin += 1) {
      const cell = n * binCount + bin;
      const acrossBins = slope(logs, cell, { step: 1, isFirst: bin === 0, isLast: bin === binCount - 1 });
      const acrossFrames = slope(logs, cell, { step: binCount, isFirst: n === 0, isLast: n === frameCount - 1 });
      perFrame[cell] = (2 * Math.PI * bin * hopSamples) / fftSize + ((hopSamples * fftSize) / gamma) * acrossBins;
      perBin[cell] = (-gamma / (hopSamples * fftSize)) * acrossFrames - (2 * Math.PI * centre) / fftSize;
      isClick[cell] = logs[cell] - Math.max(logs[cell - half] ?? logs[cell], logs[cell + half] ?? logs[cell]) > CLICK_RISE ? 1 : 0;
    }
  }
  return { perFrame, perBin, isClick };
}

/** Central difference; one-sided at the ends, 0 where there is only one value. */
function slope(values: Float32Array, cell: number, { step, isFirst, isLast }: { readonly step: number; readonly isFirst: boolean; readonly isLast: boolean }): number {
  const from = isFirst ? cell : cell - step;
  const to = isLast ? cell : cell + step;
  return to === from ? 0 : ((values[to] - values[from]) * step) / (to - from);
}

/** Cells from loud to quiet, by counting: equal within 1/128 come in order of position. Shape: [K] -> [K]. */
function loudestFirst(magnitude: Float32Array): Uint32Array {
  // The upper half of a positive float's bits rises with its value.
  const bits = new Uint32Array(magnitude.buffer, magnitude.byteOffset, magnitude.length);
  const places = new Uint32Array(2 ** 16 + 1);
  for (const word of bits) places[2 ** 16 - (word >>> 16)] += 1;
  for (let rank = 1; rank < places.length; rank += 1) places[rank] += places[rank - 1];
  const order = new Uint32Array(magnitude.length);
  for (let cell = 0; cell < bits.length; cell += 1) {
    const rank = 2 ** 16 - 1 - (bits[cell] >>> 16);
    order[places[rank]] = cell;
    places[rank] += 1;
  }
  return order;
}

/** 32 random bits as an angle. */
function turn(word: number): number {
  return (word * 2 * Math.PI) / 2 ** 32;
}
