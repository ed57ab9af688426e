// What is particular to the UNet with a condition: its inputs, sizes that do not halve evenly, and what it holds while it runs.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { unet2dConditionSchema } from '../../src/config/unet-2d-condition.js';
import { createUnet2dCondition, type Unet2dCondition, type Unet2dConditionInputs } from '../../src/models/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const small = { in_channels: 2, out_channels: 2, block_out_channels: [8, 16, 16], norm_num_groups: 4, attention_head_dim: 2, cross_attention_dim: 6 };

let unet: Unet2dCondition | null = null;
afterEach(() => {
  unet?.dispose();
  unet = null;
});

function create(change: Record<string, unknown> = {}, seed: number | null = 3): Unet2dCondition {
  unet = createUnet2dCondition(unet2dConditionSchema.parse({ ...small, ...change }), { seed });
  return unet;
}

/** Runs with inputs that fit, less what is changed. */
function run(change: Partial<Unet2dConditionInputs> = {}): tf.Tensor4D {
  const sample = tf.randomNormal([2, 8, 4, 2], 0, 1, 'float32', 1) as tf.Tensor4D;
  const encoderHiddenStates = tf.randomNormal([2, 3, 6], 0, 1, 'float32', 2) as tf.Tensor3D;
  return unet!.forward({ sample, timestep: tf.tensor1d([500]), encoderHiddenStates, ...change });
}

function expectRefused(change: Partial<Unet2dConditionInputs>, pattern: RegExp): void {
  tf.tidy(() => void expect(() => run(change)).toThrow(pattern));
}

describe('inputs', () => {
  it('are refused by name where they do not fit', () => {
    create();
    tf.tidy(() => {
      expectRefused({ sample: tf.zeros([2, 8, 4, 3]) }, /unet: sample: got shape \[2, 8, 4, 3\]/);
      expectRefused({ timestep: tf.tensor1d([1, 2, 3]) }, /unet: timestep/);
      expectRefused({ encoderHiddenStates: tf.zeros([2, 3, 7]) }, /unet: encoderHiddenStates: got shape \[2, 3, 7\], expected \[2, any, 6\]/);
      expectRefused({ encoderHiddenStates: tf.zeros([1, 3, 6]) }, /unet: encoderHiddenStates/);
      expectRefused({ encoderHiddenStates: null }, /unet: encoderHiddenStates: got null, expected tokens of width 6/);
      expectRefused({ encoderAttentionMask: tf.ones([2, 4]) }, /unet: encoderAttentionMask: got shape \[2, 4\], expected \[2, 3\]/);
      expectRefused({ classLabels: tf.tensor1d([0, 1], 'int32') }, /unet: classLabels: got labels, expected none/);
      expectRefused({ addedConditions: { textEmbeds: tf.zeros([2, 4]), timeIds: tf.zeros([2, 6]) } }, /addedConditions: got some, expected none/);
    });
  });

  it('must come with a condition when they come with its mask', () => {
    create({ cross_attention_dim: [8, 16, 16] });
    tf.tidy(() => {
      expectRefused({ encoderHiddenStates: null, encoderAttentionMask: tf.ones([2, 3]) }, /encoderAttentionMask: got a mask, expected none/);
      expect(run({ encoderHiddenStates: null }).shape).toEqual([2, 8, 4, 2]);
    });
  });

  it('must have the widths that classes and added conditions state', () => {
    create({ class_embed_type: 'projection', addition_embed_type: 'text_time', projection_class_embeddings_input_dim: 10, addition_time_embed_dim: 3 });
    tf.tidy(() => {
      const classLabels = tf.ones([2, 10]) as tf.Tensor2D;
      const addedConditions = { textEmbeds: tf.ones([2, 4]) as tf.Tensor2D, timeIds: tf.ones([2, 2]) as tf.Tensor2D };
      expectRefused({ classLabels: tf.tensor1d([0, 1]), addedConditions }, /unet: classLabels: got shape \[2\], expected \[2, 10\]/);
      expectRefused({ classLabels }, /addedConditions: got none, expected textEmbeds and timeIds/);
      expectRefused({ classLabels, addedConditions: { ...addedConditions, textEmbeds: tf.ones([2, 5]) } }, /textEmbeds: got shape \[2, 5\], expected \[2, 4\]/);
      expect(run({ classLabels, addedConditions }).shape).toEqual([2, 8, 4, 2]);
    });
  });

  it.each(['in_channels', 'out_channels', 'cross_attention_dim'])('cannot be told from %s that was never derived', (key) => {
    expect(() => create({ [key]: null })).toThrow(`unet.network.${key}: got null`);
  });
});

describe('conditions', () => {
  it('change the answer, and masked tokens do not', () => {
    create();
    tf.tidy(() => {
      const states = tf.randomNormal([2, 3, 6], 0, 1, 'float32', 9) as tf.Tensor3D;
      const longer = tf.concat([states, tf.mul(tf.ones([2, 2, 6]), 5)], 1) as tf.Tensor3D;
      const encoderAttentionMask = tf.concat([tf.ones([2, 3]), tf.zeros([2, 2])], 1) as tf.Tensor2D;
      const plain = run({ encoderHiddenStates: states }).dataSync();
      expectClose(run({ encoderHiddenStates: longer, encoderAttentionMask }).dataSync(), plain, { absolute: 1e-5 });
      const unmasked = run({ encoderHiddenStates: longer }).dataSync();
      expect(Math.max(...plain.map((value, index) => Math.abs(value - unmasked[index])))).toBeGreaterThan(1e-3);
    });
  });

  it('are not needed where nothing attends to them', () => {
    create({ down_block_types: Array(3).fill('DownBlock2D'), up_block_types: Array(3).fill('UpBlock2D'), mid_block_type: null, cross_attention_dim: null });
    tf.tidy(() => {
      expect(run({ encoderHiddenStates: null }).shape).toEqual([2, 8, 4, 2]);
    });
  });
});

describe('memory', () => {
  it('is freed on the way: much less is held at once than is made in all', async () => {
    create({ layers_per_block: 2 });
    const sample = tf.randomNormal([1, 32, 32, 2]) as tf.Tensor4D;
    const encoderHiddenStates = tf.randomNormal([1, 3, 6]) as tf.Tensor3D;
    const timestep = tf.tensor1d([500]);
    const before = tf.memory().numBytes;
    const { peakBytes, kernels } = await tf.profile(() => unet!.forward({ sample, timestep, encoderHiddenStates }));
    const bytesOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 4);
    const made = kernels.flatMap(({ outputShapes }) => outputShapes.map(bytesOf)).reduce((sum, bytes) => sum + bytes, 0);
    expect(peakBytes - before).toBeLessThan(0.1 * made);
    tf.dispose([sample, encoderHiddenStates, timestep]);
  });

  it('takes no values for a network whose weights are loaded next', () => {
    const { parameters } = create({}, null);
    expect(parameters.list().every(({ variable }) => variable.dataSync().every((value) => value === 0))).toBe(true);
  });
});
