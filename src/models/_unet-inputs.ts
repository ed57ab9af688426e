// Checks of what both UNets are given.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { atLevel } from '../config/at-level.js';
import { crossLevels } from '../config/unet-2d-condition-checks.js';
import type { Unet2dConditionConfig } from '../config/unet-2d-condition.js';

/** A value that a configuration leaves to be derived from what is around the network. @throws MelstromError where it was not */
export function requireDerived(key: string, value: number | null): number {
  if (value !== null) return value;
  throw new MelstromError({ kind: 'configuration', where: `unet.network.${key}`, got: 'null', expected: 'a number of channels by now' });
}

/** @throws MelstromError when the channels, or the number of timesteps, do not fit */
export function checkSample(inChannels: number | null, sample: tf.Tensor4D, timestep: tf.Tensor1D): void {
  requireShape('unet: sample', sample.shape, [null, null, null, inChannels]);
  if (timestep.shape[0] !== 1) requireShape('unet: timestep', timestep.shape, [sample.shape[0]]);
}

/** One timestep for each item, as float32. Shape: [B] or [1] -> [B]. */
export function expandTimesteps(timestep: tf.Tensor1D, batch: number): tf.Tensor1D {
  const times = tf.cast(timestep, 'float32');
  return times.shape[0] === batch ? times : tf.tile(times, [batch]);
}

/** What a token that does not count has added to its scores, as in the reference. */
const DISCARD_BIAS = -10_000;

/** 1 for what counts, 0 for what does not -> what is added to scores. Shape: [B, S], kept. */
export function maskToBias(mask: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(tf.sub(1, tf.cast(mask, 'float32')), DISCARD_BIAS);
}

/** @throws MelstromError when the condition is missing where it is needed, or does not have the width that blocks take */
export function checkEncoderStates(config: Unet2dConditionConfig, batch: number, states: tf.Tensor3D | null, mask: tf.Tensor2D | undefined): void {
  if (mask !== undefined) {
    if (states === null) throw new MelstromError({ kind: 'usage', where: 'unet: encoderAttentionMask', got: 'a mask', expected: 'none without encoderHiddenStates' });
    requireShape('unet: encoderAttentionMask', mask.shape, [batch, states.shape[1]]);
  }
  for (const level of crossLevels(config)) {
    const width = atLevel<number | null>(config.cross_attention_dim, level);
    if (states !== null) {
      requireShape('unet: encoderHiddenStates', states.shape, [batch, null, width]);
      continue;
    }
    const heads = atLevel(config.attention_head_dim, level);
    const own = heads * Math.floor(config.block_out_channels[level] / heads);
    if (own !== width) throw new MelstromError({ kind: 'usage', where: 'unet: encoderHiddenStates', got: 'null', expected: `tokens of width ${width}: only levels as wide as that could attend to themselves instead` });
  }
}
