// The operations without parameters that networks use, and the precision of those with, passed on so that networks need not know the engine.
export { addTimeEmbedding, attention, averagePool2x, causalAttention, convPrecision, gatherRows, geglu, gelu, inverseRealDft, realDft, silu, upsampleNearest2x, withConvPrecision, type ConvPrecision } from '../engine/ops/index.js';
