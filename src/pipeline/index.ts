// What other folders and browsers take from pipelines; reading and writing folders is in folder.node.ts.
export { createGuidedDenoiser, createPipelineDenoiser, type LabelCondition } from './denoiser.js';
export { modelHash, sha256 } from './hash.js';
export { decodeLatents, encodeLatents } from './latents.js';
export { createPipeline, frameMultiple, nullClassOf, sampleShape, type Pipeline, type PipelineParts, type Representation, type SampleShape, type VaeKind } from './pipeline.js';
export { MELSTROM_VERSION } from './version.js';
