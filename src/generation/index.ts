// What other folders and browsers take from generation; writing files is in write.node.ts.
export { combineClips, type CombineRequest } from './combine.js';
export { extendClips, streamExtensions, type ExtendRequest } from './extend.js';
export { clipNames, safeLabel, safeLabels } from './file-names.js';
export { fillSounds, type FillRequest } from './fill.js';
export { generateClips, generateFromVaePrior, type BatchPlace, type ClipRecord, type ClipRequest, type DrawSettings, type GeneratedClip, type GenerateRequest, type GenerationProgress, type Preview, type Sidecar } from './generate.js';
export { clipLength, columnWindows, frameWindows, tempoSeconds, type ClipLength, type LengthRequest, type Tempo } from './length.js';
export type { DescribedMix, SoundMix, MixPart } from './mix.js';
export { morphSounds, type MorphEnd, type MorphRequest } from './morph.js';
export type { InputRecord, OperationSidecar } from './operation.js';
export type { InputSound } from './_sounds.js';
export type { OperationClip, OperationRequest } from './_redraw.js';
export { repeatOperation, type Repetition } from './repeat.js';
export type { Extension, InputFile } from './sidecar.js';
export { isStreamed, streamClips, type ClipPiece, type ClipStream } from './stream.js';
export { varySounds, type VaryRequest } from './vary.js';
export { watchClips, type GenerationEvent, type WatchOptions } from './watch.js';
