// Part of a sound drawn anew, a stretch of time or a band of pitch, to go with the rest, which stays as it is.
import * as tf from '@tensorflow/tfjs';
import { createRegionLimit, placeRegion, replaceWithin, type PlacedRegion, type Region, type RegionEdges } from '../audio/region.js';
import { requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { reduceMask } from '../pipeline/resize.js';
import { heardCells } from '../spectrogram/heard-cells.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { putKept } from '../spectrogram/put-kept.js';
import { carryOf, requireHeeding, type HeedingRequest } from './_heeding.js';
import { checkOperation, createRedraw, requireOnePerClip, soleLabel, withSettings, wordsOfMixes, type OperationClip, type OperationRequest } from './_redraw.js';
import { renderClips } from './_render.js';
import { createSoundEncoder, longestSound, padToSlice, recordSound, requireSound, type InputSound, type SoundSamples } from './_sounds.js';
import { resultShape } from './length.js';
import { describeMix } from './mix.js';

/** What is asked of fillSounds. */
export interface FillRequest extends OperationRequest, RegionEdges, HeedingRequest {
  /** One per clip, of the model's channels at its rate. They may be longer than the model's slice; the region may not. */
  readonly sounds: readonly InputSound[];
  /** What is drawn anew, in every sound alike. */
  readonly region: Region;
  /** 1 draws the region from noise alone; less keeps something of what it held. Above 0. Default 1. */
  readonly strength?: number;
}

/** A stretch of a sound as long as the slice at most, around what is to be filled. */
interface Window {
  readonly offset: number;
  /** Filled with silence to the slice. */
  readonly channels: SoundSamples;
  /** In the window's own samples. */
  readonly region: PlacedRegion;
}

/**
 * Draws the region of each sound anew, in order, batch by batch; the result has the length of the sound. The network sees the rest of
 * a slice around the region, and the vocoder joins on in phase.
 *
 * A stretch of time: before and behind it the samples are those of the sound, bit for bit; it fades within its own borders, by default over half a
 * window of the codec, since a partial that changes faster is heard between partials too. A band:
 * outside it the spectrum of the whole sound is that of the input, to the rounding of float32 and what rings past the sound's two ends;
 * samples differ, as they must. Both: exact in time, and in pitch but for what the fades in time spread.
 *
 * Memory: no tensor is left after each clip is taken, nor when the iteration is ended early.
 * @throws MelstromError at once when the request does not fit the pipeline or a sound; the signal's reason when aborted, within one step
 */
export function fillSounds(pipeline: Pipeline, request: FillRequest): AsyncGenerator<OperationClip> {
  const { sounds, seeds, signal, vocoder, fadeSeconds = pipeline.mel.windowSamples / 2 / pipeline.mel.sampleRateHz, fadeOctaves = 1 / 6, mixes = seeds.map(() => ({})) } = request;
  const strength = requireNumber('strength', request.strength ?? 1, { min: Number.MIN_VALUE, max: 1, fix: '1 draws the region from noise alone.' });
  requireNumber('fadeSeconds', fadeSeconds, { min: 0 });
  requireNumber('fadeOctaves', fadeOctaves, { min: 0 });
  const heeding = requireHeeding(pipeline, request);
  checkOperation(pipeline, request);
  requireOnePerClip('sounds', sounds, seeds);
  const { sampleRateHz, frames, melBins } = pipeline.mel;
  const samples = sounds.map((sound, index) => requireSound(pipeline, sound, `sounds[${index}]`));
  const regions = samples.map(([all]) => placeRegion(request.region, { sampleRateHz, sampleCount: all.length }));
  const windows = samples.map((all, index) => windowAround(pipeline.mel, all, regions[index]));
  const encoder = createSoundEncoder(pipeline);
  const { how, run } = createRedraw(pipeline, request, strength);
  const composed = new Map<number, MelImage>();
  const clips = renderClips({
    pipeline,
    request,
    labels: mixes.map(soleLabel),
    words: wordsOfMixes(pipeline, mixes),
    how,
    draw: async ({ items, noise, onStep }) => {
      const clean = encoder.latents(items.map((item) => encoder.image(windows[item].channels)));
      const mask = latentMask(pipeline, items.map((item) => heardCells(pipeline.mel, frames, windows[item].region)));
      try {
        return await run({ clean, mask, heeding, noise, mixes: items.map((item) => mixes[item]), onStep, signal });
      } finally {
        tf.dispose([clean, mask]);
      }
    },
    invert: async (drawn, seed, index) => {
      const { channels: own, offset, region } = windows[index];
      const cells = heardCells(pipeline.mel, frames, region);
      const isKept = (row: number, frame: number): boolean => cells[(row % melBins) * frames + frame] === 0;
      const image = putKept(drawn, { image: encoder.image(own), firstFrame: 0, isKept }, carryOf(pipeline.mel, heeding));
      composed.set(index, image);
      const sampleCount = own[0].length;
      const limit = createRegionLimit(region, { sampleRateHz, sampleCount }, { fadeSeconds, fadeOctaves });
      const { channels: made } = await vocoder.invert(image, { seed, sampleCount, around: { channels: own, limit } });
      const channels = samples[index].map((all, channel) => {
        const whole = all.slice();
        whole.set(replaceWithin(limit, { samples: own[channel], made: made[channel] }).subarray(0, whole.length - offset), offset);
        return whole;
      });
      return { sampleRateHz, channels };
    },
  });
  return withImages(
    withSettings(clips, async (index) => ({
      operation: 'fill' as const,
      operationSettings: { strength, input: await recordSound(samples[index], sounds[index]), mix: describeMix(pipeline, mixes[index]), region: regions[index], fadeSeconds, fadeOctaves, ...heeding },
    })),
    composed,
  );
}

/** Each clip with the image that was inverted: drawn inside the region, the sound's own outside. Mutates: images, which it empties. */
async function* withImages(clips: AsyncIterable<OperationClip>, images: Map<number, MelImage>): AsyncGenerator<OperationClip> {
  for await (const clip of clips) {
    const image = images.get(clip.index) ?? clip.image;
    images.delete(clip.index);
    yield { ...clip, image };
  }
}

/** The slice with the region in its middle, as far as the sound reaches. @throws MelstromError when the region is longer */
function windowAround(mel: Pipeline['mel'], all: SoundSamples, region: PlacedRegion): Window {
  const { fromSample, toSample } = region;
  const [{ length: wholeLength }] = all;
  const fits = wholeLength <= longestSound(mel);
  const length = fits ? wholeLength : (mel.frames - 1) * mel.hopSamples;
  if (toSample - fromSample > length) {
    const seconds = (count: number): string => (count / mel.sampleRateHz).toFixed(2);
    throw new MelstromError({
      kind: 'usage', where: 'region: from and to', got: `${seconds(toSample - fromSample)} s`, expected: `at most ${seconds(length)} s, the model's slice`, fix: 'Fill a longer stretch piece by piece.',
    });
  }
  const offset = fits ? 0 : Math.min(wholeLength - length, Math.max(0, Math.round((fromSample + toSample - length) / 2)));
  const channels = all.map((samples) => padToSlice(mel, samples.subarray(offset, offset + length)));
  const isToEnd = toSample === wholeLength;
  return { offset, channels, region: { ...region, fromSample: fromSample - offset, toSample: isToEnd ? channels[0].length : toSample - offset } };
}

/** A cell of what is drawn, in all its channels, is drawn anew when any cell of the image under it is. Shape: [M, N] each -> [B, H, W, 1]. Memory: the caller disposes. */
function latentMask(pipeline: Pipeline, images: readonly Float32Array[]): tf.Tensor4D {
  const { melBins, frames } = pipeline.mel;
  const [rows] = resultShape(pipeline);
  const factor = melBins / rows;
  return tf.tidy(() => {
    const cells = tf.stack(images.map((data) => tf.tensor3d(data, [melBins, frames, 1]))) as tf.Tensor4D;
    return reduceMask(cells, factor);
  });
}
