// Loudness as it is heard over a whole sound, in LUFS. Source: ITU-R BS.1770-4.

/** Poles and zeros as the recommendation's filters have them, given as an analogue prototype so that any rate can be served. */
const SHELF = { hz: 1681.974450955533, gainDb: 3.999843853973347, q: 0.7071752369554196, bandExponent: 0.4996667741545416 };
const HIGH_PASS = { hz: 38.13547087602444, q: 0.5003270373238773 };

const BLOCK_SECONDS = 0.4;
const STEPS_PER_BLOCK = 4;
const ABSOLUTE_GATE = -70;
const RELATIVE_GATE = -10;

/** y[n] = b0·x[n] + b1·x[n−1] + b2·x[n−2] − a1·y[n−1] − a2·y[n−2]. */
export interface Biquad {
  readonly b: readonly [number, number, number];
  readonly a: readonly [number, number];
}

/** The two filters of the K weighting, one after the other: the head's shelf, then a high-pass. */
export function kWeighting(sampleRateHz: number): readonly [Biquad, Biquad] {
  const shelf = Math.tan((Math.PI * SHELF.hz) / sampleRateHz);
  const high = 10 ** (SHELF.gainDb / 20);
  const band = high ** SHELF.bandExponent;
  const shelfScale = 1 + shelf / SHELF.q + shelf ** 2;
  const pass = Math.tan((Math.PI * HIGH_PASS.hz) / sampleRateHz);
  const passScale = 1 + pass / HIGH_PASS.q + pass ** 2;
  return [
    {
      b: [(high + (band * shelf) / SHELF.q + shelf ** 2) / shelfScale, (2 * (shelf ** 2 - high)) / shelfScale, (high - (band * shelf) / SHELF.q + shelf ** 2) / shelfScale],
      a: [(2 * (shelf ** 2 - 1)) / shelfScale, (1 - shelf / SHELF.q + shelf ** 2) / shelfScale],
    },
    { b: [1, -2, 1], a: [(2 * (pass ** 2 - 1)) / passScale, (1 - pass / HIGH_PASS.q + pass ** 2) / passScale] },
  ];
}

/**
 * Gated loudness of up to two channels. A sound shorter than a block of 400 ms is one block.
 *
 * Unit: LUFS; −∞ for what never rises above −70.
 */
export function integratedLoudness(channels: readonly Float32Array[], sampleRateHz: number): number {
  const filters = kWeighting(sampleRateHz);
  const weighted = channels.map((channel) => filters.reduce<ArrayLike<number>>(filtered, channel));
  const length = channels[0].length;
  const block = Math.min(length, Math.round(BLOCK_SECONDS * sampleRateHz));
  const step = Math.max(1, Math.round(block / STEPS_PER_BLOCK));
  const powers: number[] = [];
  for (let start = 0; start + block <= length; start += step) {
    powers.push(weighted.reduce((sum, channel) => sum + meanSquare(channel, { start, end: start + block }), 0));
  }
  const audible = powers.filter((power) => toLoudness(power) > ABSOLUTE_GATE);
  const gate = toLoudness(mean(audible)) + RELATIVE_GATE;
  return toLoudness(mean(audible.filter((power) => toLoudness(power) > gate)));
}

function filtered(signal: ArrayLike<number>, { b, a }: Biquad): Float64Array {
  const out = new Float64Array(signal.length);
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  for (let index = 0; index < out.length; index += 1) {
    const x = signal[index];
    const y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    out[index] = y;
  }
  return out;
}

function meanSquare(signal: ArrayLike<number>, { start, end }: { readonly start: number; readonly end: number }): number {
  let sum = 0;
  for (let index = start; index < end; index += 1) sum += signal[index] ** 2;
  return sum / (end - start);
}

function toLoudness(power: number): number {
  return -0.691 + 10 * Math.log10(power);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
