// From magnitudes to a signal: a first phase, then a method that improves it, at the level of the magnitudes. Knows no files.
import { requireInteger } from '../base/checks.js';
import { createRandom } from '../base/random.js';
import { acceleratedGriffinLim } from './accelerated-griffin-lim.js';
import { admmGriffinLim } from './admm-griffin-lim.js';
import { givenOf, holdTo, rampGain, takePhases, type GivenSound, type KnownSamples } from './given-sound.js';
import { fastGriffinLim } from './griffin-lim.js';
import type { Magnitudes } from './magnitudes.js';
import { withMelConsistency, type MelTarget } from './mel-consistency.js';
import { phaseGradientHeapIntegration } from './pghi.js';
import { createPhaseProblem, LEAST_WEIGHT } from './phase-problem.js';
import type { Spectrum, Transform } from './stft.js';

/** `staged`: a quarter of the iterations by ADMM on the first magnitudes, then accelerated Griffin-Lim. */
export const PHASE_METHODS = ['staged', 'fast', 'accelerated', 'admm'] as const;
export type PhaseMethod = (typeof PHASE_METHODS)[number];

/** `pghi`: from the magnitudes' slopes; `random`: uniform. */
export const PHASE_STARTS = ['pghi', 'random'] as const;
export type PhaseStart = (typeof PHASE_STARTS)[number];

export interface RecoverSignalOptions {
  /** Samples to make. Default (N - 1)·hopSamples, the shortest signal with N frames. */
  readonly sampleCount?: number;
  /** In [0, 10000], default 32. More: less reverberant, slower. */
  readonly iterations?: number;
  /** Default staged. */
  readonly method?: PhaseMethod;
  /** Default pghi. */
  readonly start?: PhaseStart;
  /** Chooses the first phases. Same seed, same bytes. Default 0. */
  readonly seed?: number;
  /** In [0, 1), default 0.99: of `fast` alone. */
  readonly momentum?: number;
  /** Mel spectrogram that the magnitudes were made from: they are then refined under it after the first quarter of the iterations. */
  readonly mel?: MelTarget;
  /**
   * A sound of which only a part is to be found anew; default none. Every guess is held to it outside that part, the first phases are
   * its own, and the level is that of the magnitudes as they are. What comes back is near it, and whoever asked puts its samples back.
   */
  readonly around?: GivenSound;
  /** Samples that come back as they are, the rest made to go with them; default none. */
  readonly known?: KnownSamples;
  /** A spectrum whose phases are the first guess, in place of `start`. Shape: [N, F] complex. */
  readonly phases?: Spectrum;
}

/** Share of the iterations before the magnitudes are refined, and of ADMM's in `staged`. */
const FIRST_SHARE = 0.25;

/**
 * Finds a signal whose magnitudes are near the given ones. Level is kept: the energy of the result's spectrogram is that
 * of the magnitudes, and scaling these scales the result. Where all frames over a sample are 0, the sample is 0.
 *
 * Shape: [N*F] -> [T].
 */
export function recoverSignal(stft: Transform, target: Magnitudes, options: RecoverSignalOptions = {}): Float32Array {
  const { iterations = 32, method = 'staged', start = 'pghi', seed = 0, momentum, mel, known, phases, sampleCount = Math.max(1, (target.frameCount - 1) * stft.hopSamples) } = options;
  requireInteger('recoverSignal: iterations', iterations, { min: 0, max: 10_000 });
  requireInteger('recoverSignal: sampleCount', sampleCount, { min: 1 });
  const { frameCount } = target;
  requireInteger('recoverSignal: frames of sampleCount', stft.frameCount(sampleCount), { min: frameCount, max: frameCount, fix: 'Ask for frames·hopSamples samples or fewer.' });
  const loudest = target.magnitude.reduce((a, b) => Math.max(a, b), 0);
  const around = options.around ?? (known && givenOf(known));
  if (around !== undefined) requireInteger('recoverSignal: samples of the given sound', around.samples.length, { min: sampleCount, max: sampleCount });
  if (loudest === 0) return known === undefined ? new Float32Array(sampleCount) : known.samples.map((sample, index) => (known.isKnown[index] === 1 ? sample : 0));

  // Scaled by a power of two, so that no digit is lost and quiet sounds are found as loud ones are.
  const scale = 2 ** -Math.floor(Math.log2(loudest));
  const scaled = { ...target, magnitude: target.magnitude.map((value) => value * scale) };
  const hold = around && ((signal: Float32Array): void => holdTo(around, signal, scale));
  const problem = createPhaseProblem(stft, scaled, { sampleCount, hold });
  const first = Math.round(FIRST_SHARE * iterations);
  const refined = mel === undefined ? problem : withMelConsistency(problem, { ...mel, mel: mel.mel.map((value) => value * scale ** 2), after: first });
  const guess = firstGuess(stft, scaled, { start: phases === undefined ? start : 'random', seed });
  if (phases !== undefined) takePhases(guess, phases);
  else if (around !== undefined) takePhases(guess, spectrumOf(stft, around.samples, frameCount));
  switch (method) {
    case 'staged':
      admmGriffinLim(refined, guess, { iterations: first });
      acceleratedGriffinLim(refined, guess, { iterations: iterations - first });
      break;
    case 'fast':
      fastGriffinLim(refined, guess, { iterations, momentum });
      break;
    case 'accelerated':
      acceleratedGriffinLim(refined, guess, { iterations });
      break;
    case 'admm':
      admmGriffinLim(refined, guess, { iterations });
      break;
  }
  const signal = new Float32Array(sampleCount);
  stft.inverseInto(guess, signal, LEAST_WEIGHT);
  if (options.around !== undefined) return signal.map((sample) => sample / scale);
  const gain = energyGain(problem.magnitude, spectrumOf(stft, signal, frameCount));
  if (known === undefined) return signal.map((sample) => (sample * gain) / scale);
  rampGain(signal, { gain, isKnown: known.isKnown, rampSamples: stft.fftSize });
  return signal.map((sample, index) => (known.isKnown[index] === 1 ? known.samples[index] : sample / scale));
}

function spectrumOf(stft: Transform, signal: Float32Array, frameCount: number): Spectrum {
  const spectrum = stft.createSpectrum(frameCount);
  stft.forwardInto(signal, spectrum);
  return spectrum;
}

/** Shape: [N*F] -> [N, F] complex. */
function firstGuess(stft: Transform, target: Magnitudes, { start, seed }: { readonly start: PhaseStart; readonly seed: number }): Spectrum {
  const guess = stft.createSpectrum(target.frameCount);
  const phase = start === 'pghi' ? phaseGradientHeapIntegration(stft, target, { seed }) : randomPhase(target.magnitude.length, seed);
  for (let cell = 0; cell < phase.length; cell += 1) {
    guess.re[cell] = target.magnitude[cell] * Math.cos(phase[cell]);
    guess.im[cell] = target.magnitude[cell] * Math.sin(phase[cell]);
  }
  return guess;
}

/** Unit: radians. */
function randomPhase(count: number, seed: number): Float32Array {
  const random = createRandom(seed, 'griffin-lim');
  return Float32Array.from({ length: count }, () => (random.uint32() * 2 * Math.PI) / 2 ** 32);
}

/** The factor that gives the spectrum the energy of the magnitudes. */
function energyGain(magnitude: Float32Array, { re, im }: Spectrum): number {
  let wanted = 0;
  let got = 0;
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    wanted += magnitude[cell] ** 2;
    got += re[cell] ** 2 + im[cell] ** 2;
  }
  return got > 0 ? Math.sqrt(wanted / got) : 1;
}
