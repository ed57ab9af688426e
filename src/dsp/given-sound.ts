// A sound of which a part is given while the rest is found: how each guess is held to it. Knows no method of finding phases.
import type { Spectrum } from './stft.js';

/** A sound of which only a part is to be found anew: the rest stays, and the new part joins on in phase. */
export interface GivenSound {
  /** As many as are made. */
  readonly samples: Float32Array;
  /** Keeps of a difference to the samples what may differ. It is linear, and applying it twice changes little. Mutates: difference. */
  limit(difference: Float32Array): void;
}

/** Samples that come back as they are. Shape of both: [sampleCount]. */
export interface KnownSamples {
  readonly samples: Float32Array;
  /** 1 where the sample is known, else 0. */
  readonly isKnown: Uint8Array;
}

/** Known samples as a given sound. */
export function givenOf({ samples, isKnown }: KnownSamples): GivenSound {
  return {
    samples,
    limit(difference) {
      for (let index = 0; index < difference.length; index += 1) if (isKnown[index] === 1) difference[index] = 0;
    },
  };
}

/** Puts the given samples, scaled, wherever the limit lets nothing differ. Mutates: signal. */
export function holdTo({ samples, limit }: GivenSound, signal: Float32Array, scale: number): void {
  for (let index = 0; index < signal.length; index += 1) signal[index] -= samples[index] * scale;
  limit(signal);
  for (let index = 0; index < signal.length; index += 1) signal[index] += samples[index] * scale;
}

/** Turns each cell to the phase of a spectrum, where that holds anything. Mutates: guess. */
export function takePhases(guess: Spectrum, { re, im }: Spectrum): void {
  for (let cell = 0; cell < re.length; cell += 1) {
    const size = Math.hypot(re[cell], im[cell]);
    if (size === 0) continue;
    const magnitude = Math.hypot(guess.re[cell], guess.im[cell]);
    guess.re[cell] = (magnitude * re[cell]) / size;
    guess.im[cell] = (magnitude * im[cell]) / size;
  }
}

interface RampOptions {
  readonly gain: number;
  readonly isKnown: Uint8Array;
  readonly rampSamples: number;
}

/** Gains from 1 beside a known sample to the whole gain a ramp away. Mutates: signal. */
export function rampGain(signal: Float32Array, { gain, isKnown, rampSamples }: RampOptions): void {
  const distance = new Float32Array(signal.length).fill(rampSamples);
  for (let index = 0, from = rampSamples; index < signal.length; index += 1) {
    from = isKnown[index] === 1 ? 0 : Math.min(from + 1, rampSamples);
    distance[index] = from;
  }
  for (let index = signal.length - 1, from = rampSamples; index >= 0; index -= 1) {
    from = isKnown[index] === 1 ? 0 : Math.min(from + 1, rampSamples);
    distance[index] = Math.min(distance[index], from);
  }
  for (let index = 0; index < signal.length; index += 1) signal[index] *= gain ** (distance[index] / rampSamples);
}
