// From any number of channels to one, by a rule that the configuration names.
import { MelstromError } from '../base/errors.js';

/** mean: average of all channels; left, right: that channel alone; mid: (left + right) / √2, which keeps the power of unrelated channels. */
export const DOWNMIX_RULES = ['mean', 'left', 'right', 'mid'] as const;
export type DownmixRule = (typeof DOWNMIX_RULES)[number];

/**
 * Reduces channels to one. A mono sound is returned as it is under every rule.
 *
 * @throws MelstromError when the rule is unknown or needs a channel that is not there
 */
export function downmix(channels: readonly Float32Array[], how: DownmixRule): Float32Array {
  const [left, right] = channels;
  if (left === undefined) {
    throw new MelstromError({ kind: 'data', where: 'downmix', got: 'no channel', expected: 'one or more' });
  }
  if (channels.length === 1) return left;
  switch (how) {
    case 'left':
      return left;
    case 'right':
      return right;
    case 'mid':
      return scaledSum([left, right], Math.SQRT1_2);
    case 'mean':
      return scaledSum(channels, 1 / channels.length);
    default:
      throw new MelstromError({
        kind: 'configuration',
        where: 'downmix',
        got: `'${String(how)}'`,
        expected: `one of ${DOWNMIX_RULES.join(', ')}`,
      });
  }
}

function scaledSum(channels: readonly Float32Array[], scale: number): Float32Array {
  const mono = new Float32Array(channels[0].length);
  for (let index = 0; index < mono.length; index += 1) {
    let sum = 0;
    for (const channel of channels) sum += channel[index];
    mono[index] = sum * scale;
  }
  return mono;
}
