// What other folders and browsers take from generation; writing files is in write.node.ts.
export { extendClips, type ExtendRequest } from './extend.js';
export { clipNames, safeLabel, safeLabels } from './file-names.js';
export { generateClips, generateFromVaePrior, type BatchPlace, type ClipRecord, type ClipRequest, type GeneratedClip, type GenerateRequest, type GenerationProgress, type Sidecar } from './generate.js';
export { clipLength, columnWindows, frameWindows, tempoSeconds, type ClipLength, type LengthRequest, type Tempo } from './length.js';
export type { Extension, InputFile } from './sidecar.js';
