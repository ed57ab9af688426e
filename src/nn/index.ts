// What networks, training and pipelines take from this folder.
export { createAdamW, type AdamW, type AdamWOptions } from './adamw.js';
export { createEma, emaDecayAt, type Ema } from './ema.js';
export { disposeGradients, globalNorm, lossGradient, valueAndGradients, type Gradients, type LossGradient, type LossParts } from './gradients.js';
export { ParameterTree, scopeOf, type Parameter, type ParameterLayout, type ParameterScope } from './parameters.js';
export { fromReference, loadReference, referenceFile, referenceShape, shortList, toReference, type HostTensor, type LoadOptions, type LoadReport } from './reference-layout.js';
export { repeatedForward } from './repeated-forward.js';
export { decodeSafetensors, encodeSafetensors } from './safetensors.js';
export { parseSafetensorsHeader, type FloatDtype, type SafetensorsDtype, type SafetensorsEntry, type SafetensorsHeader } from './safetensors-header.js';
export { changedSource, joinedSource, memorySource, renamedSource, type TensorChange, type TensorEntry, type TensorSource } from './tensor-source.js';
export type { NamedTensors, Repeated } from '../engine/repeated.js';
