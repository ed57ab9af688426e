// One sound changing into another. Knows no spectrogram.

/**
 * Begins a sound with another one, which fades as half a cosine over its own length, while the sound itself comes up.
 *
 * Mutates: samples, of which the first is `at`; what lies outside is left out.
 */
export function fadeFrom(other: Float32Array, samples: Float32Array, at: number): void {
  mixIn(other, samples, at, (place) => 0.5 + 0.5 * Math.cos(Math.PI * place));
}

/** The same the other way round: a sound changes into another one, which is whole behind the end. Mutates: samples. */
export function fadeInto(other: Float32Array, samples: Float32Array, at: number): void {
  mixIn(other, samples, at, (place) => 0.5 - 0.5 * Math.cos(Math.PI * place));
}

/** @param shareOf how much of the other sound there is, from its place within the fade, between 0 and 1 */
function mixIn(other: Float32Array, samples: Float32Array, at: number, shareOf: (place: number) => number): void {
  other.forEach((value, index) => {
    if (at + index < 0 || at + index >= samples.length) return;
    samples[at + index] += shareOf((index + 1) / (other.length + 1)) * (value - samples[at + index]);
  });
}
