// The process-wide choice of the number format inside convolutions and matrix products. All tensors stay float32.
import { MelstromError } from '../../base/errors.js';
import { areNativeKernelsAllowed, device, hasNativeLibrary, tensorflowBackend } from './native-kernels.js';

/** float32 is exact to about 1e-7 of each product, bfloat16 to about 4e-3, with sums in float32 either way. */
export type ConvPrecision = 'float32' | 'bfloat16';

let chosen: ConvPrecision = 'float32';
let examined: { backend: object; isSupported: boolean; hasTiles: boolean } | null = null;

/** The precision in force. */
export function convPrecision(): ConvPrecision {
  return chosen;
}

/**
 * True when the engine is TensorFlow on a CPU with bfloat16 instructions (AVX512_BF16 or AMX) or on an NVIDIA GPU of compute
 * capability 8.0 or later, and our library is loaded.
 */
export function supportsBfloat16(): boolean {
  return examine()?.isSupported ?? false;
}

/** Whether products are to be made in bfloat16 now. */
export function isHalfWanted(): boolean {
  return chosen === 'bfloat16' && supportsBfloat16();
}

/** True when our own convolution in bfloat16 can be used: it needs AMX, and the system's leave to use it. */
export function hasTiles(): boolean {
  return tensorflowBackend()?.isUsingGpuDevice === false && (examine()?.hasTiles ?? false);
}

function examine(): { isSupported: boolean; hasTiles: boolean } | null {
  const backend = tensorflowBackend();
  if (backend === null || !areNativeKernelsAllowed() || !hasNativeLibrary()) return null;
  if (examined === null || examined.backend !== backend) examined = { backend, isSupported: device.hasBfloat16(), hasTiles: device.hasTiles() };
  return examined;
}

/** What 'auto' stands for on the engine in use. */
function fastestPrecision(): ConvPrecision {
  return supportsBfloat16() && tensorflowBackend()?.isUsingGpuDevice === false ? 'bfloat16' : 'float32';
}

/**
 * Sets the precision of every later convolution and matrix product, gradients included. 'auto' takes bfloat16 on a processor that
 * has it: with AMX a training step takes some two thirds of the time, and the loss follows the float32 run closely. Without AMX
 * most 3 × 3 convolutions stay in float32 in either case, since our own kernel is faster in it. On a GPU 'auto' is float32: what
 * takes the time there is handing operations over, and bfloat16 hands over more.
 *
 * @returns the precision now in force.
 * @throws MelstromError when bfloat16 is asked for on an engine without it.
 */
export function setConvPrecision(wanted: ConvPrecision | 'auto'): ConvPrecision {
  if (wanted === 'bfloat16' && !supportsBfloat16()) {
    throw new MelstromError({
      kind: 'engine',
      where: 'convPrecision',
      got: 'bfloat16',
      expected: 'float32 on this engine: bfloat16 needs our native library and a CPU with AVX512_BF16 or AMX, or an NVIDIA GPU of compute capability 8.0 or later',
      fix: "Use 'auto' to take bfloat16 only where it exists.",
    });
  }
  chosen = wanted === 'auto' ? fastestPrecision() : wanted;
  return chosen;
}

/** Runs `body`, and what it promises, at a precision of its own, then restores the one before. @throws as setConvPrecision */
export function withConvPrecision<T>(precision: ConvPrecision | 'auto', body: () => T): T {
  const before = chosen;
  const restore = (): void => {
    chosen = before;
  };
  setConvPrecision(precision);
  let result;
  try {
    result = body();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.finally(restore) as typeof result;
  restore();
  return result;
}
