// The operations that networks and optimisers build on.
export { addBias } from './add-bias.js';
export { addTimeEmbedding } from './add-time-embedding.js';
export { adamwStep, type AdamwResult, type AdamwSettings, type AdamwTensors } from './adamw-step.js';
export { attention, type AttentionOptions } from './attention.js';
export { averagePool2x } from './average-pool.js';
export { causalAttention } from './causal-attention.js';
export { conv2d, type Conv2dOptions } from './conv2d.js';
export { emaStep } from './ema-step.js';
export { gatherRows } from './gather-rows.js';
export { geglu, gelu } from './gelu.js';
export { globalNorm } from './global-norm.js';
export { groupNorm, type GroupNormOptions } from './group-norm.js';
export { layerNorm, type LayerNormOptions } from './layer-norm.js';
export { matMul } from './mat-mul.js';
export { allowNativeKernels, hasNativeKernel, refreshNativeKernels } from './native-kernels.js';
export { convPrecision, setConvPrecision, supportsBfloat16, withConvPrecision, type ConvPrecision } from './precision.js';
export { silu } from './silu.js';
export { upsampleNearest2x } from './upsample-nearest.js';
