// A matrix product over the last axis with an optional bias: the linear layer.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { factorGradientHalf, multiplyHalf, weightGradientHalf } from './_half-products.js';
import { addTo, formatAttribute, freedAfter, halveGradient, runRaw, toHalf } from './_half-tensors.js';
import { addBias } from './add-bias.js';
import { channelSum } from './channel-sum.js';
import { defineOperation } from './define-operation.js';
import { matMul } from './mat-mul.js';
import { attribute, hasNativeKernel } from './native-kernels.js';
import { convPrecision } from './precision.js';

/** With fewer rows reading the weights is what costs, and casting them first costs more. */
const BFLOAT16_MIN_ROWS = 64;
const BFLOAT16_MIN_CHANNELS = 16;

const runFloatLinear = defineOperation<object>({
  name: 'FloatLinear',
  saveInputs: ['x', 'weight'],
  forward: ({ x, weight, bias }) => addTo(multiply(x, weight, {}), false, { bias }),
  gradient: (dy, [x, weight]) => ({
    x: () => multiply(dy, weight, { transposeB: true }),
    weight: () => multiply(x, dy, { transposeA: true }),
    bias: () => channelSum(dy),
  }),
});

/** Outputs: the result in float32, and the input in bfloat16. */
const runHalfLinear = defineOperation<object>({
  name: 'HalfLinear',
  saveInputs: ['weight'],
  saveOutputs: [false, true],
  forward: ({ x, weight, bias }) => {
    const half = toHalf(x);
    return [multiplyHalf(half, weight, { bias }), half];
  },
  gradient: (dy, [weight, half]) => {
    const halved = halveGradient(dy);
    const withGradient = freedAfter(2, halved.half);
    return {
      x: () => withGradient((gradient) => factorGradientHalf(gradient, weight)),
      weight: () => withGradient((gradient) => weightGradientHalf(half, gradient)),
      bias: () => halved.sum,
    };
  },
});

/** x·weight + bias. Shape: x [N, Cin], weight [Cin, Cout], bias [Cout] -> [N, Cout]. */
export function linear(x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor | null): tf.Tensor2D {
  const [rows, width] = x.shape;
  requireShape('linear: weight', weight.shape, [width, null]);
  if (bias !== null) requireShape('linear: bias', bias.shape, [weight.shape[1]!]);
  if (!hasNativeKernel('AddBias')) {
    if (bias === null) return matMul(x, weight) as tf.Tensor2D;
    return tf.tidy(() => addBias(matMul(x, weight) as tf.Tensor2D, bias));
  }
  const inputs: Record<string, tf.Tensor> = bias === null ? { x, weight } : { x, weight, bias };
  const isHalf = convPrecision() === 'bfloat16' && rows >= BFLOAT16_MIN_ROWS && Math.min(width, weight.shape[1]!) >= BFLOAT16_MIN_CHANNELS;
  if (!isHalf) return runFloatLinear(inputs, {})[0] as tf.Tensor2D;
  const [y, half] = runHalfLinear(inputs, {});
  half.dispose();
  return y as tf.Tensor2D;
}

function multiply(a: tf.Tensor, b: tf.Tensor, { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean }): tf.Tensor {
  return runRaw('MatMul', [formatAttribute(false), attribute.bool('transpose_a', transposeA), attribute.bool('transpose_b', transposeB)], [a, b])[0];
}
