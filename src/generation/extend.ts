// Sound that goes on: a given sound is kept, and what follows or precedes it is drawn to go with its end.
import * as tf from '@tensorflow/tfjs';
import { fadeFrom, fadeInto } from '../audio/cross-fade.js';
import { requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { imagesToTensor } from '../pipeline/image-tensor.js';
import { encodeLatents } from '../pipeline/latents.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { sliceFrames } from '../spectrogram/frames.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { putKept, type Carry } from '../spectrogram/put-kept.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import { createDrawing, type Drawing } from './_drawing.js';
import { planExtension, type ExtensionPlan } from './_extension-plan.js';
import type { GivenPart } from './_given-part.js';
import { carryOf, requireHeeding, type Given, type Heeding, type HeedingRequest } from './_heeding.js';
import { renderClips, type GeneratedClip, type HowDrawn, type MadeSound } from './_render.js';
import { framesPerColumn, framesPerResultColumn, resultShape } from './length.js';
import { checkGenerateRequest, type GenerateRequest } from './request.js';
import { requireSound, type InputSound, type SoundSamples } from './_sounds.js';
import type { Extension } from './sidecar.js';
import { collectClips, drawStreams, isStreamedLength, type ClipStream } from './_streaming.js';

/** What extension is told. One clip per seed, each another continuation. */
export interface ExtendRequest extends Omit<GenerateRequest, 'frameCount' | 'seconds' | 'isLoop' | 'tempo' | 'skip'>, HeedingRequest {
  /** What is kept, of the model's channels at its rate. */
  readonly sound: InputSound;
  /** Where it came from, for the sidecar. */
  readonly input?: Extension['input'];
  /** Seconds to add. */
  readonly seconds: number;
  /** Whether they come before the sound and not after it. Default false. */
  readonly isBefore?: boolean;
  /**
   * Unit: seconds over which the given sound fades at the join, at most half a window of the model less a latent column; a longer one makes the margin as long. Default
   * the shortest margin. Less is heard as a change between the partials; more spreads the change of sound that goes on.
   */
  readonly fadeSeconds?: number;
  readonly skip?: GenerateRequest['skip'];
}

/**
 * Draws continuations. The given samples come back as they are but for `marginSeconds` at the join, where the old sound changes into
 * the new one; the inverter makes the new samples go on from the kept ones, in phase. The clip's image is that of the new part with the end
 * of the given sound that it was drawn with.
 *
 * Memory: as generateClips. @throws MelstromError of kind 'usage' at once when the sound is too short or the request does not fit
 */
export function extendClips(pipeline: Pipeline, request: ExtendRequest): AsyncGenerator<GeneratedClip> {
  const planned = planRequest(pipeline, request);
  const streams = openStreams(pipeline, request, planned);
  return streams === null ? drawWhole(pipeline, request, planned) : collectClips(streams);
}

/**
 * The same as streams of samples, in memory that grows with the given sound alone; null where they are drawn whole: when they are short, or when
 * the vocoder cannot go on from given samples.
 *
 * @throws MelstromError as extendClips
 */
export function streamExtensions(pipeline: Pipeline, request: ExtendRequest): AsyncGenerator<ClipStream> | null {
  return openStreams(pipeline, request, planRequest(pipeline, request));
}

interface PlannedRequest {
  readonly generate: GenerateRequest;
  readonly plan: ExtensionPlan;
  readonly drawing: Drawing;
  readonly how: HowDrawn;
  readonly heeding: Heeding;
  readonly fadeSamples: number;
  readonly channels: SoundSamples;
  /** Of the given sound inside the drawn region. */
  readonly image: MelImage;
}

function planRequest(pipeline: Pipeline, request: ExtendRequest): PlannedRequest {
  const { sound, input = null, seconds, isBefore = false } = request;
  const channels = requireSound(pipeline, sound, 'sound');
  const generate: GenerateRequest = { ...request, seconds: undefined };
  checkGenerateRequest(pipeline, generate);
  const heeding = requireHeeding(pipeline, request);
  const newSamples = Math.round(requireNumber('seconds', seconds, { min: 1 / pipeline.mel.sampleRateHz, max: 86_400 }) * pipeline.mel.sampleRateHz);
  const { hopSamples, sampleRateHz } = pipeline.mel;
  const asked = request.fadeSeconds === undefined ? undefined : Math.round(requireNumber('fadeSeconds', request.fadeSeconds, { min: 0 }) * sampleRateHz);
  const plan = planExtension({ settings: pipeline.mel, columnFrames: framesPerColumn(pipeline), givenSamples: channels[0].length, newSamples, isBefore, overlap: request.overlap, fadeSamples: asked });
  const drawing = createDrawing(pipeline, generate, plan.length);
  const fadeSamples = asked ?? plan.marginFrames * hopSamples;
  const [fadeSeconds, marginSeconds] = [request.fadeSeconds ?? fadeSamples / sampleRateHz, (plan.marginFrames * hopSamples) / sampleRateHz];
  const extension = { input, seconds, isBefore, ...heeding, fadeSeconds, marginSeconds };
  return { generate, plan, drawing, heeding, fadeSamples, channels, image: contextImage(pipeline, channels, plan), how: { operation: 'extend', ...drawing.how, extension } };
}

function drawWhole(pipeline: Pipeline, { labels, vocoder }: ExtendRequest, { generate, plan, drawing: { words, draw }, how, heeding, fadeSamples, channels, image }: PlannedRequest): AsyncGenerator<GeneratedClip> {
  return renderClips({
    pipeline, request: generate, labels, words, length: plan.length, how,
    async draw(batch) {
      const given = { ...knownLatents(pipeline, image, plan), ...heeding };
      try {
        return await draw(batch, given);
      } finally {
        tf.dispose([given.clean, given.isKnown]);
      }
    },
    invert: (drawn, seed) => join(drawn, { plan, channels, image, vocoder, seed, carry: carryOf(pipeline.mel, heeding), fadeSamples }),
  });
}

function openStreams(pipeline: Pipeline, { vocoder }: ExtendRequest, { generate, plan, drawing, how, heeding, fadeSamples, channels, image }: PlannedRequest): AsyncGenerator<ClipStream> | null {
  const { length } = plan;
  if (!isStreamedLength(pipeline, length, vocoder)) return null;
  const given = { ...givenPart(plan, { channels, image, fadeSamples }), carry: carryOf(pipeline.mel, heeding) };
  return drawStreams(pipeline, generate, {
    length, how, words: drawing.words, given,
    async *stream(item, onAdvance) {
      const clean = encodePart(pipeline, image, { count: given.image.frameCount, isAtEnd: given.isAtEnd });
      try {
        yield* drawing.stream(item, onAdvance, { clean, isAtEnd: given.isAtEnd, ...heeding });
      } finally {
        clean.dispose();
      }
    },
  });
}

/** What the drawn region begins or ends with, and what the sound has besides. */
function givenPart({ isBefore, length, firstContextFrame, knownFrames, knownSamples, regionStart, newSamples }: ExtensionPlan, { channels, image, fadeSamples }: Pick<PlannedRequest, 'channels' | 'image' | 'fadeSamples'>): Omit<GivenPart, 'carry'> {
  const cut = (from: number, to?: number): Float32Array[] => channels.map((channel) => channel.subarray(from, to));
  const known = sliceFrames(image, knownFrames.from - firstContextFrame, knownFrames.to - firstContextFrame);
  if (isBefore) {
    const start = regionStart + knownSamples.from; // in the given sound
    return { isAtEnd: true, channels: cut(start), knownCount: length.sampleCount - knownSamples.from, image: known, fading: cut(start - fadeSamples, start), dropCount: -regionStart - newSamples };
  }
  const end = regionStart + knownSamples.to;
  return { isAtEnd: false, channels: cut(0, end), knownCount: knownSamples.to, image: known, fading: cut(end, end + fadeSamples), dropCount: 0 };
}

/** The latents of the first frames of an image, or the last, as the image around them makes them. Memory: the caller disposes. */
function encodePart(pipeline: Pipeline, image: MelImage, { count, isAtEnd }: { count: number; isAtEnd: boolean }): tf.Tensor4D {
  return tf.tidy(() => {
    const latents = encodeImage(pipeline, image);
    const columns = count / framesPerResultColumn(pipeline);
    return tf.slice(latents, [0, 0, isAtEnd ? latents.shape[2] - columns : 0, 0], [-1, -1, columns, -1]) as tf.Tensor4D;
  });
}

/** Memory: the caller disposes. */
function encodeImage(pipeline: Pipeline, { data, frameCount }: MelImage): tf.Tensor4D {
  return tf.tidy(() => encodeLatents(pipeline, imagesToTensor(data, { ...pipeline.mel, frames: frameCount }), null));
}

/** The image of the given sound inside the drawn region, made with the sound around it. */
function contextImage({ mel }: Pipeline, channels: SoundSamples, { contextFrames, contextStart }: ExtensionPlan): MelImage {
  const { hopSamples, fftSize } = mel;
  const before = Math.min(Math.ceil(fftSize / hopSamples), Math.floor(contextStart / hopSamples));
  const from = contextStart - before * hopSamples;
  const to = Math.min(channels[0].length, from + (before + contextFrames) * hopSamples + fftSize);
  return sliceFrames(createImageCodec(mel).analyse(channels.map((channel) => channel.subarray(from, to))), before, before + contextFrames);
}

/** Memory: the caller disposes both. */
function knownLatents(pipeline: Pipeline, image: MelImage, plan: ExtensionPlan): Pick<Given, 'clean' | 'isKnown'> {
  const [rows, columns, channels] = resultShape(pipeline, plan.length);
  const columnFrames = framesPerResultColumn(pipeline);
  const first = plan.firstContextFrame / columnFrames;
  const clean = tf.tidy(() => {
    return tf.pad(encodeImage(pipeline, image), [[0, 0], [0, 0], [first, columns - first - image.frameCount / columnFrames], [0, 0]]) as tf.Tensor4D;
  });
  const [from, to] = [plan.knownFrames.from / columnFrames, plan.knownFrames.to / columnFrames];
  const isKnown = tf.tensor4d(Float32Array.from({ length: columns }, (_, column) => (column >= from && column < to ? 1 : 0)), [1, 1, columns, 1]);
  if (clean.shape[1] !== rows || clean.shape[3] !== channels) throw new MelstromError({ kind: 'internal', where: 'extend', got: `latents of [${clean.shape.join(', ')}]` });
  return { clean, isKnown };
}

interface JoinOptions {
  readonly plan: ExtensionPlan;
  readonly channels: SoundSamples;
  /** Of the given sound. */
  readonly image: MelImage;
  readonly vocoder: Vocoder;
  readonly seed: number;
  readonly carry: Carry;
  readonly fadeSamples: number;
}

/** Puts the given sound's own frames where they are known, inverts with its samples held, and puts the rest of it on. Mutates: drawn. */
async function join(drawn: MelImage, { plan, channels, image, vocoder, seed, carry, fadeSamples }: JoinOptions): Promise<MadeSound> {
  const { knownFrames, firstContextFrame, regionStart, length, knownSamples, newSamples, isBefore } = plan;
  const isKept = (_: number, frame: number): boolean => frame >= knownFrames.from && frame < knownFrames.to;
  drawn.data.set(putKept(drawn, { image, firstFrame: firstContextFrame, isKept }, carry).data);
  const { sampleCount } = length;
  const held = channels.map((samples) => {
    const region = new Float32Array(sampleCount);
    region.set(samples.subarray(regionStart + knownSamples.from, regionStart + knownSamples.to), knownSamples.from);
    return region;
  });
  const { sampleRateHz, channels: regions } = await vocoder.invert(drawn, { seed, sampleCount, known: { channels: held, spans: [knownSamples] } });
  for (const [channel, samples] of channels.entries()) {
    const edge = isBefore ? knownSamples.from - fadeSamples : knownSamples.to;
    const own = samples.subarray(regionStart + edge, regionStart + edge + fadeSamples);
    if (isBefore) fadeInto(own, regions[channel], edge);
    else fadeFrom(own, regions[channel], edge);
  }
  const shift = isBefore ? newSamples : 0; // of the given sound in the whole
  const from = Math.max(0, regionStart + shift);
  const wholes = channels.map((samples, channel) => {
    const whole = new Float32Array(samples.length + newSamples);
    whole.set(samples, shift);
    whole.set(regions[channel].subarray(from - regionStart - shift, Math.min(sampleCount, whole.length - regionStart - shift)), from);
    return whole;
  });
  return { sampleRateHz, channels: wholes, heard: regions };
}
