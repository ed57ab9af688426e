// From any number of channels to one, by a rule that the configuration names.
import { MelstromError } from '../base/errors.js';

/** mean: average of all channels; left, right: that channel alone; mid: (left + right) / 2; side: (left - right) / 2. */
export const DOWNMIX_RULES = ['mean', 'left', 'right', 'mid', 'side'] as const;
export type DownmixRule = (typeof DOWNMIX_RULES)[number];

/**
 * Reduces channels to one. A mono sound is returned as it is; it has no side.
 *
 * @throws MelstromError when the rule is unknown, there is no channel, or a mono sound is asked for its side
 */
export function downmix(channels: readonly Float32Array[], how: DownmixRule): Float32Array {
  const [left, right] = channels;
  if (left === undefined) {
    throw new MelstromError({ kind: 'data', where: 'downmix', got: 'no channel', expected: 'one or more' });
  }
  if (how === 'side' && channels.length === 1) {
    throw new MelstromError({
      kind: 'data',
      where: 'downmix',
      got: "one channel under the rule 'side'",
      expected: 'two',
      fix: 'The side of a mono sound is silence. Choose mean or mid, or leave mono files out.',
    });
  }
  const second = right ?? left;
  switch (how) {
    case 'left':
      return left;
    case 'right':
      return second;
    case 'mid':
      return weightedSum([left, second], [0.5, 0.5]);
    case 'side':
      return weightedSum([left, second], [0.5, -0.5]);
    case 'mean':
      return channels.length === 1 ? left : weightedSum(channels, channels.map(() => 1 / channels.length));
    default:
      throw new MelstromError({
        kind: 'configuration',
        where: 'downmix',
        got: `'${String(how)}'`,
        expected: `one of ${DOWNMIX_RULES.join(', ')}`,
      });
  }
}

/** Channel after channel, so that the inner loop is over samples alone; sums are of float64, rounded once. */
function weightedSum(channels: readonly Float32Array[], weights: readonly number[]): Float32Array {
  if (channels.length === 2) return weightedPair(channels[0], channels[1], weights[0], weights[1]);
  const sums = new Float64Array(channels[0].length);
  for (const [channel, samples] of channels.entries()) {
    const weight = weights[channel];
    for (let index = 0; index < sums.length; index += 1) sums[index] += weight * samples[index];
  }
  return new Float32Array(sums);
}

function weightedPair(left: Float32Array, right: Float32Array, leftWeight: number, rightWeight: number): Float32Array {
  const mono = new Float32Array(left.length);
  for (let index = 0; index < mono.length; index += 1) mono[index] = leftWeight * left[index] + rightWeight * right[index];
  return mono;
}
