// What other folders and browsers take from generation; writing files is in write.node.ts.
export { clipNames, safeLabel, safeLabels } from './file-names.js';
export { generateClips, generateFromVaePrior, type ClipRequest, type GeneratedClip, type GenerateRequest, type GenerationProgress, type Sidecar } from './generate.js';
export { drawnFrameCount } from './request.js';
