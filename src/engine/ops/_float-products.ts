// Convolutions in float32 on the TensorFlow engine: 3 × 3 ones by our own kernel (Winograd's minimal filtering), others by TensorFlow's.
import type * as tf from '@tensorflow/tfjs';
import { isSamePadded, type ConvGeometry } from './_conv2d-geometry.js';
import { convolve, inputGradient, kernelGradient } from './_conv2d-raw.js';
import { addTo, addendInputs, runRaw, type Addends } from './_half-tensors.js';
import { attribute, hasNativeKernel } from './native-kernels.js';

/** With fewer channels on either side what surrounds the products takes longer than the products that are saved. */
const LEAST_CHANNELS = 32;

/** A convolution, of the geometry that both gradients are told too. Shapes as in conv2d. */
export function convolveFloat(x: tf.Tensor, kernel: tf.Tensor, geometry: ConvGeometry, addends: Addends): tf.Tensor {
  if (usesWinograd(geometry)) return runWinograd(x, kernel, { addends, isTurned: false });
  return addTo(convolve(x, kernel, geometry, false), false, addends);
}

/** The gradient of a convolution's input. */
export function inputGradientFloat(dy: tf.Tensor, kernel: tf.Tensor, geometry: ConvGeometry): tf.Tensor {
  return usesWinograd(geometry) ? runWinograd(dy, kernel, { addends: {}, isTurned: true }) : inputGradient(dy, kernel, geometry, false);
}

/** The gradient of a convolution's kernel. */
export function kernelGradientFloat(x: tf.Tensor, dy: tf.Tensor, geometry: ConvGeometry): tf.Tensor {
  if (usesWinograd(geometry)) return runRaw('MelstromWinogradKernelGrad', [], [x, dy])[0];
  return kernelGradient(dy, x, geometry, false);
}

/** What our kernel does, and does faster: 3 × 3 kernels, stride 1, the size kept, not too few channels. */
export function usesWinograd(geometry: ConvGeometry): boolean {
  const { kernelShape: [height, width, inputs, outputs], stride } = geometry;
  return height === 3 && width === 3 && stride === 1 && Math.min(inputs, outputs) >= LEAST_CHANNELS && isSamePadded(geometry) && hasNativeKernel('Winograd');
}

function runWinograd(x: tf.Tensor, kernel: tf.Tensor, { addends, isTurned }: { addends: Addends; isTurned: boolean }): tf.Tensor {
  const { tensors, attributes } = addendInputs(addends);
  return runRaw('MelstromWinograd', [...attributes, attribute.bool('turned', isTurned)], [x, kernel, ...tensors])[0];
}
