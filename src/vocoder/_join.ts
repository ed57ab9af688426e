// Given sound and a made one put together so that they join on in phase: for vocoders whose phases nothing tells. Knows no network and no image.
import { replaceWithin } from '../audio/region.js';
import type { MelSettings } from '../config/mel.js';
import { continuePhases } from '../dsp/continue-phases.js';
import type { GivenSound } from '../dsp/given-sound.js';
import type { Magnitudes } from '../dsp/magnitudes.js';
import { recoverSignal } from '../dsp/recover-signal.js';
import { createStft, type Spectrum, type Stft } from '../dsp/stft.js';
import type { SampleSpan } from './vocoder.js';

/** Steps by which what lies between given and made sound finds its phases. */
const ITERATIONS = 16;
/** Of the made sound beside a join, so many transforms are made again to lead from the one to the other. */
const BRIDGE_TRANSFORMS = 4;
/** The sound to either side of the bridge that it is led by. */
const CONTEXT_TRANSFORMS = 2;
/** A made sound this near to the given one, as a share of it, goes on from it already. */
const AGREEMENT = 1e-3;

interface KnownStretches {
  readonly samples: Float32Array;
  readonly spans: readonly SampleSpan[];
  readonly seed: number;
}

/**
 * Puts known samples into a made sound. Beside them some transforms of the made one are found again, at its magnitudes, with both sides held; what
 * is further away stays as it was made. Where the made sound has the known samples already, only these are put.
 *
 * Shape: [T]. Mutates: made.
 */
export function joinKnown(settings: MelSettings, made: Float32Array, { samples, spans, seed }: KnownStretches): void {
  const edges = spans.flatMap(({ from, to }) => [{ isEnd: false, at: from, from, to }, { isEnd: true, at: to, from, to }]).filter(({ at }) => at > 0 && at < made.length);
  const isKnown = new Uint8Array(made.length);
  for (const { from, to } of spans) isKnown.fill(1, from, to);
  const stft = createStft(settings);
  const { fftSize, hopSamples } = settings;
  const bridges = edges.filter(({ isEnd, at, from, to }) => !agrees(made, samples, isEnd ? { from: Math.max(from, at - fftSize), to: at } : { from: at, to: Math.min(to, at + fftSize) }))
    .map(({ isEnd, at }) => (isEnd ? { from: at, to: at + BRIDGE_TRANSFORMS * fftSize } : { from: at - BRIDGE_TRANSFORMS * fftSize, to: at }))
    .map((bridge) => {
      const start = Math.max(0, Math.floor((bridge.from - CONTEXT_TRANSFORMS * fftSize) / hopSamples) * hopSamples);
      const end = Math.min(made.length, bridge.to + CONTEXT_TRANSFORMS * fftSize);
      return { ...bridge, start, target: magnitudesOf(stft, made.subarray(start, end)).magnitudes, end };
    });
  for (const { from, to } of spans) made.set(samples.subarray(from, to), from);
  for (const { start, end, target, ...bridge } of bridges) {
    const known = { samples: made.slice(start, end), isKnown: Uint8Array.from({ length: end - start }, (_, index) => (start + index >= bridge.from && start + index < bridge.to ? isKnown[start + index] : 1)) };
    const phases = continuePhases(settings, target, { ...known, seed });
    made.set(recoverSignal(stft, target, { method: 'fast', iterations: ITERATIONS, known, phases, seed, sampleCount: end - start }), start);
  }
}

/** A made sound led to join on to a given one of which a part is made anew; the caller puts the rest back. Shape: [T]. */
export function joinAround(settings: MelSettings, made: Float32Array, around: GivenSound): Float32Array {
  const stft = createStft(settings);
  const { magnitudes } = magnitudesOf(stft, made);
  const { spectrum: phases } = magnitudesOf(stft, replaceWithin(around.limit, { samples: around.samples, made }));
  return recoverSignal(stft, magnitudes, { method: 'fast', iterations: ITERATIONS, around, phases, sampleCount: made.length });
}

function agrees(made: Float32Array, samples: Float32Array, { from, to }: { readonly from: number; readonly to: number }): boolean {
  let [difference, power] = [0, 0];
  for (let index = from; index < to; index += 1) {
    difference += (made[index] - samples[index]) ** 2;
    power += samples[index] ** 2;
  }
  return difference <= AGREEMENT ** 2 * power;
}

function magnitudesOf(stft: Stft, signal: Float32Array): { readonly magnitudes: Magnitudes; readonly spectrum: Spectrum } {
  const spectrum = stft.forward(signal);
  return { spectrum, magnitudes: { frameCount: spectrum.frameCount, binCount: spectrum.binCount, magnitude: spectrum.re.map((re, cell) => Math.hypot(re, spectrum.im[cell])) } };
}
