// What other folders and browsers take from pipelines; reading and writing folders is in folder.node.ts.
export { isTextUnet, type AnyUnet, type TextUnet } from './any-unet.js';
export { createClipTokenizer, type ClipTokenizer, type TokenizerFiles } from './clip-tokenizer.js';
export { createGuidedDenoiser, createPipelineDenoiser, isGuided, type PipelineCondition } from './denoiser.js';
export { modelHash, settingsHash, sha256 } from './hash.js';
export { decodeLatents, encodeLatents } from './latents.js';
export { createMixedDenoiser, disposeMix, type MixedCondition } from './mixed-denoiser.js';
export { createPipeline, frameMultiple, nullClassOf, sampleShape, type Pipeline, type PipelineParts, type Representation, type SampleShape, type Upscaler, type VaeKind } from './pipeline.js';
export { enlargeImages, reduceImages } from './resize.js';
export { encodePrompts, promptLength, type TextConditioner } from './text.js';
export { MELSTROM_VERSION } from './version.js';
