// Clips too long to hold: drawn, decoded and inverted from left to right, in memory that does not grow with their length.
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import { createDrawing } from './_drawing.js';
import { createStreamGain } from './_stream-gain.js';
import type { GeneratedClip } from './_render.js';
import { collectClips, drawStreams, isStreamedLength, STREAMED_SLICES, type ClipStream } from './_streaming.js';
import { clipLength, type LengthRequest } from './length.js';
import { checkGenerateRequest, type GenerateRequest } from './request.js';

export type { ClipPiece, ClipStream } from './_streaming.js';

/**
 * Whether generateClips streams clips of this length, and streamClips takes them. Loops are drawn whole, since their end must be known at
 * their start; so is what a vocoder makes that cannot go on from given samples.
 */
export function isStreamed(pipeline: Pick<Pipeline, 'vae' | 'unet' | 'mel' | 'upscaler'>, request: LengthRequest & { readonly vocoder: Vocoder }): boolean {
  return isStreamedLength(pipeline, clipLength(pipeline, request), request.vocoder);
}

/**
 * Draws one long clip per seed, in order, each when its pieces are read: windows are denoised together as generateClips does, which gives
 * the same samples. Each clip is read to its end before the next is asked for. Its previews are stretches.
 *
 * @throws MelstromError of kind 'usage' at once when the request does not fit, or its clips are not `isStreamed`; the signal's reason when
 * aborted, within one step of some windows
 */
export function streamClips(pipeline: Pipeline, request: GenerateRequest): AsyncGenerator<ClipStream> {
  checkGenerateRequest(pipeline, request);
  if (!isStreamed(pipeline, request)) {
    throw new MelstromError({ kind: 'usage', where: 'streamClips', got: 'clips that are drawn whole', expected: `no loops, of at least ${STREAMED_SLICES} slices, by a vocoder that goes on from given samples`, fix: 'Use generateClips.' });
  }
  return openStreams(pipeline, request);
}

/** @throws MelstromError at once when the sampler cannot take that many steps */
function openStreams(pipeline: Pipeline, request: GenerateRequest): AsyncGenerator<ClipStream> {
  const length = clipLength(pipeline, request);
  const { how, words, stream } = createDrawing(pipeline, request, length);
  const gain = createStreamGain(pipeline, request);
  return drawStreams(pipeline, request, { length, how: { operation: 'generate', ...how, levelSteps: gain?.steps ?? 0 }, words, stream, gainOf: gain?.gainOf });
}

/** As renderClips, of clips that are streamed: each is put together from its pieces. */
export function collectStreams(pipeline: Pipeline, request: GenerateRequest): AsyncGenerator<GeneratedClip> {
  return collectClips(openStreams(pipeline, request));
}
