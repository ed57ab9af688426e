// The operations without parameters that networks use, passed on so that networks need not know the engine.
export { addTimeEmbedding, attention, averagePool2x, causalAttention, gatherRows, geglu, gelu, inverseRealDft, realDft, silu, upsampleNearest2x } from '../engine/ops/index.js';
