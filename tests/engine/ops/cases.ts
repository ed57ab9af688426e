// Every differentiable operation with the shapes it is tried on, and its oracle.
import * as tf from '@tensorflow/tfjs';
import {
  addBias, addTimeEmbedding, attention, averagePool2x, causalAttention, conv2d, depthwiseConv1d, gatherRows, geglu, gelu, groupNorm, inverseRealDft, layerNorm, linear, matMul,
  normConv2d, realDft, silu, upsampleNearest2x,
} from '../../../src/engine/ops/index.js';
import {
  addBiasOracle,
  addPerItemOracle,
  attentionOracle,
  averagePoolOracle,
  convOracle,
  depthwiseConvOracle,
  gegluOracle,
  geluOracle,
  grid,
  groupNormOracle,
  inverseRealDftOracle,
  layerNormOracle,
  matMulOracle,
  realDftOracle,
  siluOracle,
  upsampleOracle,
  type Grid,
} from './oracles.js';

/** One operation at one set of shapes. */
export interface Case {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  run(inputs: readonly tf.Tensor[]): tf.Tensor;
  oracle(inputs: readonly Grid[]): Grid;
}

const four = (tensor: tf.Tensor): tf.Tensor4D => tensor as tf.Tensor4D;

function groupNormCase(shape: readonly number[], groups: number, withSilu: boolean): Case {
  const options = { groups, epsilon: 1e-5, silu: withSilu };
  return {
    name: `groupNorm [${shape}] in ${groups} groups${withSilu ? ' with silu' : ''}`,
    shapes: [shape, [shape[3]], [shape[3]]],
    run: ([x, gamma, beta]) => groupNorm(four(x), gamma, beta, options),
    oracle: (inputs) => groupNormOracle(inputs, groups, 1e-5, withSilu),
  };
}

interface ConvCase {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly stride?: number;
  readonly padding: 'same' | 'valid' | readonly [readonly [number, number], readonly [number, number]];
  /** The zeros that the padding means here. */
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
  /** Shape of the result when a residual is added. */
  readonly residual?: readonly number[];
  readonly hasBias?: boolean;
}

function convCase({ x, kernel, stride = 1, padding, rows, columns, residual, hasBias = true }: ConvCase): Case {
  const zeros = typeof padding === 'string' ? padding : `padding ${JSON.stringify(padding)}`;
  return {
    name: `conv2d [${x}] with [${kernel}], stride ${stride}, ${zeros}${residual ? ', residual' : ''}${hasBias ? '' : ', no bias'}`,
    shapes: [x, kernel, ...(hasBias ? [[kernel[3]]] : []), ...(residual ? [residual] : [])],
    run: ([image, weights, bias, rest]) =>
      conv2d(four(image), four(weights), hasBias ? bias : null, { stride, padding, residual: rest as tf.Tensor4D | undefined }),
    oracle: (inputs) => convOracle(inputs, { stride, rows, columns }),
  };
}

interface NormConvCase {
  readonly x: readonly number[];
  readonly outChannels: number;
  readonly kernelSize: 1 | 3;
  readonly groups: number;
  readonly silu: boolean;
  readonly extra?: 'residual' | 'embedding' | 'both';
}

/** The oracles of its parts, one after the other. */
function normConvCase({ x, outChannels, kernelSize, groups, silu: withSilu, extra }: NormConvCase): Case {
  const [batch, height, width, channels] = x;
  const hasResidual = extra === 'residual' || extra === 'both';
  const hasEmbedding = extra === 'embedding' || extra === 'both';
  const shapes = [x, [channels], [channels], [kernelSize, kernelSize, channels, outChannels], [outChannels]];
  if (hasResidual) shapes.push([batch, height, width, outChannels]);
  if (hasEmbedding) shapes.push([batch, outChannels]);
  const zeros: [number, number] = kernelSize === 3 ? [1, 1] : [0, 0];
  return {
    name: `normConv2d [${x}] in ${groups} groups${withSilu ? ' with silu' : ''} to ${outChannels} channels, kernel ${kernelSize}${extra ? `, ${extra}` : ''}`,
    shapes,
    run: ([image, gamma, beta, kernel, bias, ...rest]) => {
      const residual = hasResidual ? four(rest[0]) : undefined;
      const embedding = hasEmbedding ? (rest[rest.length - 1] as tf.Tensor2D) : undefined;
      return normConv2d({ x: four(image), gamma, beta, kernel: four(kernel), bias, residual, embedding }, { groups, epsilon: 1e-5, silu: withSilu, padding: 'same' });
    },
    oracle: ([image, gamma, beta, kernel, bias, ...rest]) => {
      const hidden = groupNormOracle([image, gamma, beta], groups, 1e-5, withSilu);
      const convolved = convOracle([hidden, kernel, bias, ...(hasResidual ? [rest[0]] : [])], { stride: 1, rows: zeros, columns: zeros });
      return hasEmbedding ? addPerItemOracle([convolved, rest[rest.length - 1]]) : convolved;
    },
  };
}

function linearCase(rows: number, width: number, outChannels: number, hasBias: boolean): Case {
  return {
    name: `linear [${rows}, ${width}] to ${outChannels}${hasBias ? '' : ', no bias'}`,
    shapes: [[rows, width], [width, outChannels], ...(hasBias ? [[outChannels]] : [])],
    run: ([x, weight, bias]) => linear(x as tf.Tensor2D, weight, hasBias ? bias : null),
    oracle: ([x, weight, bias]) => {
      const product = matMulOracle([x, weight], false, false);
      return hasBias ? addBiasOracle([product, bias]) : product;
    },
  };
}

function matMulCase(a: readonly number[], b: readonly number[], transposeA: boolean, transposeB: boolean): Case {
  return {
    name: `matMul [${a}]${transposeA ? 'ᵀ' : ''} × [${b}]${transposeB ? 'ᵀ' : ''}`,
    shapes: [a, b],
    run: ([left, right]) => matMul(left, right, { transposeA, transposeB }),
    oracle: (inputs) => matMulOracle(inputs, transposeA, transposeB),
  };
}

function layerNormCase(shape: readonly number[]): Case {
  const width = shape[shape.length - 1];
  return {
    name: `layerNorm [${shape}]`,
    shapes: [shape, [width], [width]],
    run: ([x, gamma, beta]) => layerNorm(x, gamma, beta, { epsilon: 1e-5 }),
    oracle: (inputs) => layerNormOracle(inputs, 1e-5),
  };
}

interface AttentionCase {
  readonly q: readonly number[];
  readonly k: readonly number[];
  /** One number per item and key. */
  readonly bias?: readonly number[];
  readonly maxScores?: number;
}

function attentionCase({ q, k, bias, maxScores }: AttentionCase): Case {
  const biasTensor = (): tf.Tensor2D | null => (bias === undefined ? null : tf.tensor2d([...bias], [k[0], k[1]]));
  return {
    name: `attention of [${q}] to [${k}]${bias ? ' with bias' : ''}${maxScores === undefined ? '' : `, at most ${maxScores} scores`}`,
    shapes: [q, k, k],
    run: (inputs) => tf.tidy(() => attention(four(inputs[0]), four(inputs[1]), four(inputs[2]), { bias: biasTensor(), maxScores })),
    oracle: (inputs) => attentionOracle(inputs, { bias }),
  };
}

export const CASES: readonly Case[] = [
  groupNormCase([2, 3, 5, 12], 3, true),
  groupNormCase([2, 3, 5, 12], 3, false),
  groupNormCase([1, 4, 2, 7], 1, true),
  groupNormCase([7, 2, 2, 5], 5, true),
  groupNormCase([3, 1, 1, 16], 4, true),
  groupNormCase([1, 3, 1, 66], 11, true),
  groupNormCase([2, 3, 3, 1], 1, false),
  convCase({ x: [2, 4, 3, 3], kernel: [3, 3, 3, 5], padding: 'same', rows: [1, 1], columns: [1, 1] }),
  convCase({ x: [1, 4, 3, 2], kernel: [3, 3, 2, 4], padding: 'same', rows: [1, 1], columns: [1, 1], residual: [1, 4, 3, 4] }),
  convCase({ x: [1, 4, 5, 2], kernel: [3, 2, 2, 3], padding: 'valid', rows: [0, 0], columns: [0, 0] }),
  convCase({ x: [7, 1, 1, 4], kernel: [1, 1, 4, 3], padding: 'same', rows: [0, 0], columns: [0, 0], hasBias: false }),
  convCase({ x: [2, 4, 6, 2], kernel: [3, 3, 2, 3], stride: 2, padding: [[0, 1], [0, 1]], rows: [0, 1], columns: [0, 1] }),
  convCase({ x: [1, 5, 4, 2], kernel: [3, 3, 2, 2], stride: 2, padding: 'same', rows: [1, 1], columns: [0, 1] }),
  convCase({ x: [1, 5, 5, 2], kernel: [3, 3, 2, 2], stride: 2, padding: [[0, 1], [0, 1]], rows: [0, 1], columns: [0, 1] }),
  convCase({ x: [1, 3, 4, 2], kernel: [3, 3, 2, 2], padding: [[2, 0], [1, 3]], rows: [2, 0], columns: [1, 3] }),
  convCase({ x: [1, 4, 4, 2], kernel: [4, 4, 2, 2], stride: 2, padding: [[1, 1], [1, 1]], rows: [1, 1], columns: [1, 1] }),
  {
    name: 'addTimeEmbedding [3, 2, 5, 7]',
    shapes: [[3, 2, 5, 7], [3, 7]],
    run: ([x, embedding]) => addTimeEmbedding(four(x), embedding as tf.Tensor2D),
    oracle: addPerItemOracle,
  },
  { name: 'addBias [3, 5]', shapes: [[3, 5], [5]], run: ([x, bias]) => addBias(x, bias), oracle: addBiasOracle },
  { name: 'addBias [1, 2, 3, 67]', shapes: [[1, 2, 3, 67], [67]], run: ([x, bias]) => addBias(x, bias), oracle: addBiasOracle },
  { name: 'silu [2, 35]', shapes: [[2, 35]], run: ([x]) => silu(x), oracle: ([x]) => siluOracle(x) },
  { name: 'upsampleNearest2x [2, 3, 1, 5]', shapes: [[2, 3, 1, 5]], run: ([x]) => upsampleNearest2x(four(x)), oracle: ([x]) => upsampleOracle(x) },
  normConvCase({ x: [2, 3, 4, 6], outChannels: 5, kernelSize: 3, groups: 3, silu: true }),
  normConvCase({ x: [2, 3, 4, 6], outChannels: 4, kernelSize: 3, groups: 2, silu: true, extra: 'embedding' }),
  normConvCase({ x: [1, 2, 3, 4], outChannels: 3, kernelSize: 3, groups: 1, silu: false, extra: 'residual' }),
  normConvCase({ x: [2, 1, 2, 4], outChannels: 67, kernelSize: 1, groups: 4, silu: true, extra: 'both' }),
  linearCase(3, 4, 5, true),
  linearCase(1, 7, 2, false),
  matMulCase([3, 4], [4, 5], false, false),
  matMulCase([2, 3, 4], [2, 3, 5], true, false),
  matMulCase([2, 3, 4], [2, 5, 4], false, true),
  matMulCase([4, 3], [5, 4], true, true),
  attentionCase({ q: [2, 3, 2, 4], k: [2, 3, 2, 4] }),
  attentionCase({ q: [1, 3, 1, 4], k: [1, 5, 1, 4] }),
  attentionCase({ q: [2, 3, 2, 3], k: [2, 4, 2, 3], bias: [0, -1, 0.5, 2, 0, 0, -10_000, 1] }),
  attentionCase({ q: [2, 5, 2, 3], k: [2, 4, 2, 3], maxScores: 79 }), // one head, four queries and then one
  attentionCase({ q: [2, 5, 2, 3], k: [2, 2, 2, 3], bias: [0, -1, 0.5, 2], maxScores: 16 }),
  attentionCase({ q: [1, 130, 2, 2], k: [1, 3, 2, 2], maxScores: 772 }), // one head, 64 queries, then what is left
  attentionCase({ q: [1, 171, 3, 1], k: [1, 1, 3, 1], maxScores: 512 }), // two heads and then one
  attentionCase({ q: [1, 70, 3, 2], k: [1, 1, 3, 2], maxScores: 209 }), // one head, parts shorter than 64
  layerNormCase([3, 7]),
  layerNormCase([2, 3, 5]),
  layerNormCase([1, 1, 64]),
  { name: 'gelu [2, 35]', shapes: [[2, 35]], run: ([x]) => gelu(x), oracle: ([x]) => geluOracle(x) },
  { name: 'geglu [2, 3, 10]', shapes: [[2, 3, 10]], run: ([x]) => geglu(x), oracle: ([x]) => gegluOracle(x) },
  { name: 'averagePool2x [2, 4, 6, 3]', shapes: [[2, 4, 6, 3]], run: ([x]) => averagePool2x(four(x)), oracle: ([x]) => averagePoolOracle(x) },
  {
    name: 'causalAttention [2, 3, 2, 4]',
    shapes: [[2, 3, 2, 4], [2, 3, 2, 4], [2, 3, 2, 4]],
    run: ([q, k, v]) => causalAttention(four(q), four(k), four(v)),
    oracle: (inputs) => attentionOracle(inputs, { isCausal: true }),
  },
  {
    name: 'gatherRows of [4, 3], one of them twice',
    shapes: [[4, 3]],
    run: ([table]) => gatherRows(table, tf.tensor1d([2, 0, 2], 'int32')),
    oracle: ([table]) => grid([3, 3], (index) => table.data[[2, 0, 2][Math.floor(index / 3)] * 3 + (index % 3)]),
  },
  ...[[2, 5, 3, 7], [1, 2, 4, 3], [3, 4, 2, 1]].map(([batch, frames, channels, size]): Case => ({
    name: `depthwiseConv1d [${batch}, ${frames}, ${channels}] with [${size}, ${channels}]`,
    shapes: [[batch, frames, channels], [size, channels]],
    run: ([x, kernel]) => depthwiseConv1d(x as tf.Tensor3D, kernel as tf.Tensor2D),
    oracle: depthwiseConvOracle,
  })),
  ...[[3, 8], [1, 6], [2, 2]].map(([rows, size]): Case => ({ name: `realDft [${rows}, ${size}]`, shapes: [[rows, size]], run: ([x]) => realDft(x as tf.Tensor2D), oracle: ([x]) => realDftOracle(x) })),
  ...[[3, 10], [1, 8], [2, 4]].map(([rows, width]): Case => ({ name: `inverseRealDft [${rows}, ${width}]`, shapes: [[rows, width]], run: ([x]) => inverseRealDft(x as tf.Tensor2D), oracle: ([x]) => inverseRealDftOracle(x) })),
];
