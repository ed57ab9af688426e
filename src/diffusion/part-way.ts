// Sampling that does not begin at noise alone but part way along its path, from a clean sample with noise on it.
import * as tf from '@tensorflow/tfjs';
import { requireNumber } from '../base/checks.js';
import type { SamplingPath } from './_path-parts.js';
import type { NoiseSchedule } from './schedule.js';

/** The rest of a path. */
export interface PartWay {
  readonly path: SamplingPath;
  /** Steps of the whole path that are left out; the one that is entered half done is not among them. */
  readonly skipped: number;
}

/**
 * The path from a share of its noise on: strength 1 is the whole path, and below it the start is at strength times the timestep of its
 * first sigma, wherever that falls, also within a step. So any strength works with any number of steps, one included, and the steps
 * taken are about strength times those of the path. At 0 there is nothing to sample, and none is planned.
 *
 * Source: Meng et al., "SDEdit" (2022), section 3; the share of timesteps as in diffusers' image-to-image, without its rounding to steps.
 * @throws MelstromError of kind 'usage' when the strength is not in (0, 1]
 */
export function partWay(path: SamplingPath, schedule: NoiseSchedule, strength: number): PartWay {
  requireNumber('strength', strength, { min: Number.MIN_VALUE, max: 1 });
  if (strength === 1) return { path, skipped: 0 };
  const { sigmas, targets, rescale } = path;
  const first = schedule.firstTimestep;
  const sigma = schedule.sigmaAt(first + strength * (schedule.timestepAt(sigmas[0]) - first));
  const skipped = stepsAbove(path, sigma);
  const rest = sigmas.slice(skipped);
  rest[0] = Math.min(sigma, sigmas[0]);
  return {
    path: {
      ...path,
      sigmas: rest,
      initialScale: rest[0],
      ...(targets === undefined ? {} : { targets: Array.from(targets).slice(skipped) }),
      ...(rescale === undefined ? {} : { rescale: Array.from(rescale).slice(skipped) }),
    },
    skipped,
  };
}

/**
 * How many steps are left out by a start at a sigma. A step that it enters in its second half, by the logarithm, is left out too and the
 * next one taken from there: over a very short step a multistep sampler would multiply the difference of two answers that are nearly alike.
 */
function stepsAbove({ sigmas, targets }: SamplingPath, sigma: number): number {
  const steps = sigmas.length - 1;
  const below = sigmas.subarray(0, steps).findIndex((start) => start < sigma);
  if (below === 0) return 0;
  const entered = (below === -1 ? steps : below) - 1;
  if (below === -1) return entered;
  const isSecondHalf = sigma * sigma < sigmas[entered] * sigmas[below];
  const isBelowTarget = (targets?.[entered] ?? 0) >= sigma; // a target may lie above where the next step starts
  return isSecondHalf || isBelowTarget ? below : entered;
}

/**
 * What a sampler is to be given as initial noise so that it starts from clean + sigma · noise, where sigma is the initial scale of
 * its path.
 *
 * Memory: the caller disposes.
 */
export function noisedStart({ clean, noise, sigma }: { readonly clean: tf.Tensor4D; readonly noise: tf.Tensor4D; readonly sigma: number }): tf.Tensor4D {
  return tf.tidy(() => tf.add(tf.div(clean, sigma), noise) as tf.Tensor4D);
}
