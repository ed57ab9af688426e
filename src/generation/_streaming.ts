// From latents that come some columns at a time to samples that are handed on: the part that long clips of every kind share.
import { fadeFrom, fadeInto } from '../audio/cross-fade.js';
import { joinBlocks } from '../audio/resample.js';
import type * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { breathe } from '../diffusion/samplers/sampler.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { joinFrames, sliceFrames } from '../spectrogram/frames.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { createInversionMeter, type InversionReport } from '../vocoder/inversion-report.js';
import { pieceSpans } from '../vocoder/piece-spans.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import type { Drawing } from './_drawing.js';
import { knownOf, withGiven, type GivenPart } from './_given-part.js';
import { withGains } from './_stream-gain.js';
import { streamImages } from './_long-images.js';
import { clipFinite, createSidecars, DEFAULT_BATCH_SIZE, type GeneratedClip, type HowDrawn } from './_render.js';
import type { ClipLength } from './length.js';
import type { GenerateRequest } from './request.js';
import type { Sidecar } from './sidecar.js';

/** The next samples of a clip, and the frames of its image that were read meanwhile. */
export interface ClipPiece {
  /** Shape: [n] each. */
  readonly channels: readonly Float32Array[];
  readonly image: MelImage;
}

/** A clip that is made as it is read. */
export interface ClipStream extends Pick<GeneratedClip, 'index' | 'seed' | 'label'> {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly sampleCount: number;
  /** From its first sample to its last, once; returns the sidecar. Memory: no tensor is left when it ends, also when it is left. */
  readonly pieces: AsyncGenerator<ClipPiece, Sidecar>;
}

/** Slices of the model in a clip that is long enough to be streamed: for shorter ones the network itself is what takes memory. */
export const STREAMED_SLICES = 32;

export function isStreamedLength({ mel }: Pick<Pipeline, 'mel'>, { drawnFrames, isLoop }: ClipLength, { isContinuing = false }: Vocoder): boolean {
  return !isLoop && isContinuing && drawnFrames >= STREAMED_SLICES * mel.frames;
}

export interface StreamPlan extends Pick<Drawing, 'words'> {
  /** Of the image that is drawn. */
  readonly length: ClipLength;
  readonly how: HowDrawn;
  readonly stream: (item: number, onAdvance: (share: number) => void) => AsyncGenerator<tf.Tensor4D>;
  readonly given?: GivenPart;
  /** By how much each clip is to be louder than it is drawn. Default not at all. Unit: dB. */
  readonly gainOf?: (index: number) => Promise<number>;
}

/** Draws clips one by one, as they are read. */
export async function* drawStreams(pipeline: Pipeline, request: GenerateRequest, { length, how, words, stream, given, gainOf }: StreamPlan): AsyncGenerator<ClipStream> {
  const { seeds, labels, steps, batchSize = DEFAULT_BATCH_SIZE, signal, skip, onStep, onPreview } = request;
  const { sampleRateHz, channels: channelCount = 1 } = pipeline.mel;
  const sampleCount = length.sampleCount + (given === undefined ? 0 : given.channels[0].length - given.knownCount - given.dropCount);
  const durationSeconds = sampleCount / sampleRateHz;
  const sidecarOf = await createSidecars({ pipeline, request, labels, words, how }, { length, batchSize, itemsPerBatch: 1 });
  for (const [index, seed] of seeds.entries()) {
    signal?.throwIfAborted();
    let doneShare = 0;
    const report = (share: number): void => {
      doneShare = share;
      onStep?.({ doneSteps: index * steps + Math.floor(share * steps), totalSteps: seeds.length * steps, doneClips: index + (share === 1 ? 1 : 0), totalClips: seeds.length });
    };
    if (await skip?.(index, sidecarOf(index))) {
      report(1);
      continue;
    }
    const drawn = streamImages(pipeline, stream(index, report), { length, batchSize });
    const images = withGiven(gainOf === undefined ? drawn : withGains(drawn, await gainOf(index)), given, { seed, frameCount: length.frameCount });
    const show = async (image: MelImage, firstFrame: number): Promise<void> => onPreview?.({ index, seed, doneSteps: Math.floor(doneShare * steps), totalSteps: steps, firstFrame, image });
    const pieces = invertStream({ pipeline, request, seed, images, given, show, ...length });
    const made = withSidecar(pieces, (inversion) => sidecarOf(index, { inversion, durationSeconds }));
    try {
      yield { index, seed, label: labels[index], sampleRateHz, channelCount, sampleCount, pieces: made };
    } finally {
      await made.return(sidecarOf(index)); // frees what an unread clip holds
    }
  }
}

async function* withSidecar(pieces: AsyncGenerator<ClipPiece, InversionReport>, sidecarOf: (report: InversionReport) => Sidecar): AsyncGenerator<ClipPiece, Sidecar> {
  return sidecarOf(yield* pieces);
}

interface InvertOptions {
  readonly pipeline: Pipeline;
  readonly request: Pick<GenerateRequest, 'vocoder' | 'signal'>;
  readonly seed: number;
  readonly given: GivenPart | undefined;
  readonly images: AsyncGenerator<MelImage>;
  /** Takes the frames of each piece that are new, before they are inverted. */
  readonly show: (image: MelImage, firstFrame: number) => Promise<void>;
  readonly frameCount: number;
  readonly sampleCount: number;
}

/** Inverts an image as its frames come, each piece going on from the samples of the one before. */
async function* invertStream({ pipeline: { mel }, request: { vocoder, signal }, seed, images, given, show, frameCount, sampleCount }: InvertOptions): AsyncGenerator<ClipPiece, InversionReport> {
  const { hopSamples, fftSize, channels: channelCount = 1 } = mel;
  const meter = createInversionMeter(mel);
  const { contextFrames = 0 } = vocoder;
  const behindEnd = Math.ceil(fftSize / hopSamples) + Math.ceil(fftSize / 2 / hopSamples) + contextFrames; // frames at a piece's end over samples that are not final
  let held: MelImage[] = [];
  let [heldFrom, heldTo, comparedTo] = [0, 0, 0];
  const nothing = Array.from({ length: channelCount }, () => new Float32Array(0));
  const [start, end] = given === undefined ? [undefined, undefined] : given.isAtEnd ? [undefined, given] : [given, undefined];
  let known: readonly Float32Array[] = start?.channels.map((channel) => channel.slice(channel.length - start.knownCount)) ?? nothing;
  let before = start?.channels ?? nothing; // that have still to be handed on
  const knownFrom = sampleCount - (end?.knownCount ?? 0);
  try {
    for (const { first, last, from, to, end: madeTo } of pieceSpans({ frameCount, sampleCount, hopSamples, fftSize, contextFrames })) {
      const readFrom = heldTo;
      while (heldTo < last) {
        const { value, done } = await images.next();
        if (done) throw new MelstromError({ kind: 'internal', where: 'streamClips', got: `${heldTo} frames`, expected: String(frameCount) });
        clipFinite(value, seed);
        held.push(value);
        heldTo += value.frameCount;
      }
      const all = joinFrames(held);
      const read = sliceFrames(all, readFrom - heldFrom, heldTo - heldFrom);
      await show(read, readFrom);
      await breathe();
      signal?.throwIfAborted();
      const image = sliceFrames(all, first - heldFrom, last - heldFrom);
      const knownCount = known[0].length;
      const { channels: made } = await vocoder.invert(image, { seed, sampleCount: to - from, known: knownOf({ before: known, end: end?.channels, endsFrom: knownFrom - from, sampleCount: to - from }) });
      if (readFrom === 0) start?.fading.forEach((samples, channel) => fadeFrom(samples, made[channel], knownCount));
      end?.fading.forEach((samples, channel) => fadeInto(samples, made[channel].subarray(knownCount, madeTo - from), knownFrom - samples.length - from - knownCount));
      const compareTo = last === frameCount ? last : last - behindEnd;
      meter.compare(image, made, { from: comparedTo - first, to: compareTo - first });
      comparedTo = compareTo;
      const fresh = (channel: Float32Array): Float32Array => channel.slice(Math.max(knownCount, (given?.dropCount ?? 0) - from), madeTo - from);
      const rest = last === frameCount ? end?.channels.map((channel) => channel.subarray(end.knownCount)) : undefined;
      yield { channels: made.map((channel, index) => joinBlocks([before[index], fresh(channel), rest?.[index] ?? nothing[index]])), image: read };
      before = nothing;
      if (last === frameCount) break;
      const next = madeTo / hopSamples - 2 * Math.ceil(fftSize / hopSamples) - contextFrames; // where the next piece begins
      known = made.map((channel) => channel.slice(next * hopSamples - from, madeTo - from));
      held = [sliceFrames(all, next - heldFrom, heldTo - heldFrom)];
      heldFrom = next;
    }
    return meter.report();
  } finally {
    await images.return(undefined);
  }
}

/** Puts each clip together from its pieces. */
export async function* collectClips(streams: AsyncIterable<ClipStream>): AsyncGenerator<GeneratedClip> {
  for await (const { index, seed, label, sampleRateHz, channelCount, sampleCount, pieces } of streams) {
    const channels = Array.from({ length: channelCount }, () => new Float32Array(sampleCount));
    const images: MelImage[] = [];
    let at = 0;
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) {
        yield { index, seed, label, clip: { sampleRateHz, channels }, image: joinFrames(images), sidecar: value };
        break;
      }
      channels.forEach((channel, index) => channel.set(value.channels[index], at));
      at += value.channels[0].length;
      images.push(value.image);
    }
  }
}
