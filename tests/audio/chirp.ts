// The closed form of the sound in the fixtures, and how far decoded sound is from it.

/** Value of a channel of the fixtures' chirp at a time in seconds. */
export function chirpAt(channel: number, t: number): number {
  const cycles = channel === 0 ? 200 * t + 3000 * t * t : 300 * t + 1500 * t * t;
  return (channel === 0 ? 0.5 : 0.25) * Math.sin(2 * Math.PI * cycles);
}

/** Signal-to-noise ratio against the chirp, edges left out. Unit: decibels. */
export function chirpSnrDb(samples: Float32Array, { rateHz, channel, edge = 0 }: { rateHz: number; channel: number; edge?: number }): number {
  let signal = 0;
  let noise = 0;
  for (let index = edge; index < samples.length - edge; index += 1) {
    const wanted = chirpAt(channel, index / rateHz);
    signal += wanted ** 2;
    noise += (samples[index] - wanted) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
