// Sizes and paddings of a convolution, worked out once for the forward and both backward passes.

export type ConvPadding = 'same' | 'valid' | readonly [readonly [number, number], readonly [number, number]];

/** Everything a convolution needs beside its tensors. Shapes are [B, H, W, C] and [kh, kw, Cin, Cout]. */
export interface ConvGeometry {
  readonly inputShape: Shape4D;
  readonly kernelShape: Shape4D;
  readonly outputShape: Shape4D;
  readonly stride: number;
  /** Zeros before the first and after the last row. */
  readonly rows: readonly [number, number];
  /** Zeros before the first and after the last column. */
  readonly columns: readonly [number, number];
}

export type Shape4D = [number, number, number, number];

interface PaddingChoice {
  readonly stride: number;
  readonly padding: ConvPadding;
}

/** 'same' puts the odd zero after the last row or column, as TensorFlow does. */
export function resolveGeometry(inputShape: Shape4D, kernelShape: Shape4D, { stride, padding }: PaddingChoice): ConvGeometry {
  const [batch, height, width] = inputShape;
  const [kernelHeight, kernelWidth, , outputChannels] = kernelShape;
  const rows = resolvePair(height, kernelHeight, stride, typeof padding === 'string' ? padding : padding[0]);
  const columns = resolvePair(width, kernelWidth, stride, typeof padding === 'string' ? padding : padding[1]);
  const outputShape: Shape4D = [
    batch,
    Math.floor((height + rows[0] + rows[1] - kernelHeight) / stride) + 1,
    Math.floor((width + columns[0] + columns[1] - kernelWidth) / stride) + 1,
    outputChannels,
  ];
  return { inputShape, kernelShape, outputShape, stride, rows, columns };
}

function resolvePair(size: number, kernelSize: number, stride: number, padding: 'same' | 'valid' | readonly [number, number]): readonly [number, number] {
  if (padding === 'valid') return [0, 0];
  if (padding !== 'same') return padding;
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernelSize - size, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** The input's shape with its zeros around it. */
export function paddedShape({ inputShape, rows, columns }: ConvGeometry): Shape4D {
  const [batch, height, width, channels] = inputShape;
  return [batch, height + rows[0] + rows[1], width + columns[0] + columns[1], channels];
}

/** True when no zeros are added. */
export function isUnpadded({ rows, columns }: ConvGeometry): boolean {
  return [...rows, ...columns].every((count) => count === 0);
}

/** True when the zeros are just those that 'same' adds; so it is for every centred kernel and for a halving after [[0, 1], [0, 1]]. */
export function isSamePadded({ inputShape, kernelShape, stride, rows, columns }: ConvGeometry): boolean {
  const same = resolveGeometry(inputShape, kernelShape, { stride, padding: 'same' });
  return [0, 1].every((side) => same.rows[side] === rows[side] && same.columns[side] === columns[side]);
}

/** The same convolution of an input that already has its zeros. */
export function withoutPadding(geometry: ConvGeometry): ConvGeometry {
  return { ...geometry, inputShape: paddedShape(geometry), rows: [0, 0], columns: [0, 0] };
}
