// What fill and extend do so that what is drawn goes with what is kept.
import type * as tf from '@tensorflow/tfjs';
import { requireInteger, requireNumber } from '../base/checks.js';
import type { Random } from '../base/random.js';
import type { MelSettings } from '../config/mel.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import { heedKnown } from '../diffusion/heed-known.js';
import { resampleKnown, withKnown, type KnownRegion } from '../diffusion/known-region.js';
import type { SamplerOptions } from '../diffusion/samplers/sampler.js';
import { seesKept } from '../pipeline/inpainting.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Carry } from '../spectrogram/put-kept.js';

/** What an operation that keeps part of a sound may be told of it. */
export interface HeedingRequest {
  /**
   * Rounds in which each answer of the network is made to heed what is kept; each asks it once more. 0: what is kept is seen through as much
   * noise as the rest, and the rest follows it by about half. Default 2, or 0 for a UNet for inpainting, which was trained to heed it.
   */
  readonly heedRounds?: number;
  /** Times that each noise level is drawn again so that the rest heeds what is kept, each as dear as the steps themselves; it makes the rest softer and smoother. Default 0. */
  readonly resamples?: number;
  /** Share, 0 to 1, of the detail which the autoencoder loses of the kept sound beside a join that is carried over it, and fades in a third of a slice. Default 1. */
  readonly detail?: number;
  /**
   * Unit: seconds behind a join over which the kept sound goes on into what is drawn where it is sustained, from 0 to a third of the model's slice. More: softer
   * joins, and as much less of what was drawn. Default two windows of the codec.
   */
  readonly holdSeconds?: number;
}

export type Heeding = Required<HeedingRequest>;

/** With a network that is ideal for data of one Gaussian, fitted to real latents, the rest then follows by 0.9 of what it should, and by 0.5 with two resamples, at the same cost. */
const DEFAULT_HEED_ROUNDS = 2;
const DEFAULT_HOLD_WINDOWS = 2;

/** @throws MelstromError of kind 'usage' that names the argument */
export function requireHeeding(pipeline: Pick<Pipeline, 'unet' | 'mel'>, { heedRounds = seesKept(pipeline) ? 0 : DEFAULT_HEED_ROUNDS, resamples = 0, detail = 1, holdSeconds = defaultHold(pipeline.mel) }: HeedingRequest): Heeding {
  requireInteger('heedRounds', heedRounds, { min: 0, max: 100 });
  requireInteger('resamples', resamples, { min: 0, max: 100 });
  requireNumber('detail', detail, { min: 0, max: 1 });
  requireNumber('holdSeconds', holdSeconds, { min: 0, max: longestHold(pipeline.mel), fix: 'A third of the slice is the most.' });
  return { heedRounds, resamples, detail, holdSeconds };
}

function defaultHold(mel: MelSettings): number {
  return Math.min((DEFAULT_HOLD_WINDOWS * mel.windowSamples) / mel.sampleRateHz, longestHold(mel));
}

function longestHold(mel: MelSettings): number {
  return (reachFrames(mel) * mel.hopSamples) / mel.sampleRateHz;
}

/** A third of a slice. */
function reachFrames({ frames }: MelSettings): number {
  return Math.round(frames / 3);
}

/** A part of what is drawn that is given, and what is done so that the rest goes with it. */
export interface Given extends KnownRegion {
  readonly heedRounds: number;
  readonly resamples: number;
}

interface HoldOptions<C> {
  readonly denoise: Denoiser<C>;
  readonly condition: C;
  /** Where sampling starts. Shape: [B, H, W, C]. */
  readonly initial: tf.Tensor4D;
  /** Of resampling: one sequence per item. */
  readonly random: readonly Random[];
}

/** What a sampler takes so that it keeps to the given part. */
export function holdGiven<C>(given: Given, { denoise, condition, initial, random }: HoldOptions<C>): Pick<SamplerOptions<C>, 'denoise' | 'correct'> {
  const heeding = heedKnown(denoise, given, given.heedRounds);
  return { denoise: withKnown(heeding, given, initial), correct: resampleKnown(given, { denoise: heeding, condition, resamples: given.resamples, random }) };
}

/** What goes on of the kept sound over a join. */
export function carryOf(mel: MelSettings, { detail, holdSeconds }: Pick<Heeding, 'detail' | 'holdSeconds'>): Carry {
  return { detail, reachFrames: reachFrames(mel), holdFrames: Math.round((holdSeconds * mel.sampleRateHz) / mel.hopSamples) };
}
