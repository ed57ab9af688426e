// The UNet with a condition against the reference implementation: names, shapes, outputs and gradients. The caller starts an engine.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { unet2dConditionReferenceDefaults, unet2dConditionSchema } from '../../src/config/unet-2d-condition.js';
import { createUnet2dCondition, type AddedConditions, type Unet2dCondition } from '../../src/models/index.js';
import { rampTensor } from './ramp.js';
import {
  channelsFirst, channelsLast, expectSameGradients, expectSameOutput, fillWithRamps, labelsOf, rampOf, readConditionReference, shapesOf, type ConditionCase,
} from './reference.js';

/** The tests of UNet2DConditionModel. */
export function describeConditionParity(): void {
  describe.each(readConditionReference())('UNet2DConditionModel: $name', (expected: ConditionCase) => {
    let unet: Unet2dCondition;
    afterEach(() => unet.dispose());

    function create(): Unet2dCondition {
      unet = createUnet2dCondition(unet2dConditionSchema.parse({ ...unet2dConditionReferenceDefaults, ...expected.config }), { seed: null });
      fillWithRamps(unet.parameters);
      return unet;
    }

    function forward(): tf.Tensor4D {
      const { sample, states, timesteps, classes, mask, added } = expected.inputs;
      const [batch] = sample;
      return unet.forward({
        sample: channelsLast(rampTensor('sample', sample)),
        timestep: tf.tensor1d(timesteps, 'float32'),
        encoderHiddenStates: states === undefined ? null : rampOf<tf.Tensor3D>('states', [batch, ...states]),
        encoderAttentionMask: mask === undefined ? undefined : tf.tensor2d(mask),
        classLabels: labelsOf(classes, batch),
        addedConditions: added === undefined ? undefined : addedOf(batch, added),
      });
    }

    it('has the names and shapes of the reference', () => {
      expect(shapesOf(create().parameters)).toEqual(expected.parameters);
    });

    it('answers the same numbers', () => {
      create();
      tf.tidy(() => expectSameOutput(channelsFirst(forward()), expected.output));
    });

    it('has the same gradients', () => {
      const { parameters } = create();
      const loss = (): tf.Scalar => tf.mean(tf.mul(forward(), channelsLast(rampTensor('loss', expected.output.shape))));
      expectSameGradients(parameters, loss, expected);
    });
  });
}

function addedOf(batch: number, [texts, ids]: [number, number]): AddedConditions {
  return { textEmbeds: rampOf<tf.Tensor2D>('texts', [batch, texts]), timeIds: rampOf<tf.Tensor2D>('ids', [batch, ids], 500) };
}
