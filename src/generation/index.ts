// What other folders and browsers take from generation; writing files is in write.node.ts.
export { clipNames, safeLabel, safeLabels } from './file-names.js';
export { generateClips, generateFromVaePrior, type BatchPlace, type ClipRecord, type ClipRequest, type GeneratedClip, type GenerateRequest, type GenerationProgress, type Sidecar } from './generate.js';
export { clipLength, tempoSeconds, type ClipLength, type LengthRequest, type Tempo } from './length.js';
