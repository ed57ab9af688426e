// One sound changing into another. Knows no spectrogram.

/**
 * Begins a sound with another one, which fades as half a cosine over its own length, while the sound itself comes up.
 *
 * Mutates: samples, of which the first is `at`.
 */
export function fadeFrom(other: Float32Array, samples: Float32Array, at: number): void {
  other.forEach((value, index) => {
    const share = 0.5 + 0.5 * Math.cos((Math.PI * (index + 1)) / (other.length + 1));
    samples[at + index] += share * (value - samples[at + index]);
  });
}

/** The same the other way round: a sound changes into another one, which is whole behind the end. Mutates: samples. */
export function fadeInto(other: Float32Array, samples: Float32Array, at: number): void {
  other.forEach((value, index) => {
    const share = 0.5 - 0.5 * Math.cos((Math.PI * (index + 1)) / (other.length + 1));
    samples[at + index] += share * (value - samples[at + index]);
  });
}
