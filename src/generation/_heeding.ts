// What fill and extend do so that what is drawn goes with what is kept.
import { requireInteger, requireNumber } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';

/** What an operation that keeps part of a sound may be told of it. */
export interface HeedingRequest {
  /**
   * Rounds in which each answer of the network is made to heed what is kept; each asks it once more. 0: what is kept is seen through as much
   * noise as the rest, and the rest follows it by about half. Default 2.
   */
  readonly heedRounds?: number;
  /** Times that each noise level is drawn again so that the rest heeds what is kept, each as dear as the steps themselves; it makes the rest softer and smoother. Default 0. */
  readonly resamples?: number;
  /** Share, 0 to 1, of the detail which the autoencoder loses of the kept sound beside a join that is carried over it, and fades in a third of a slice. Default 1. */
  readonly detail?: number;
}

export type Heeding = Required<HeedingRequest>;

/** With a network that is ideal for data of one Gaussian, fitted to real latents, the rest then follows by 0.9 of what it should, and by 0.5 with two resamples, at the same cost. */
const DEFAULT_HEED_ROUNDS = 2;

/** @throws MelstromError of kind 'usage' that names the argument */
export function requireHeeding({ heedRounds = DEFAULT_HEED_ROUNDS, resamples = 0, detail = 1 }: HeedingRequest): Heeding {
  requireInteger('heedRounds', heedRounds, { min: 0, max: 100 });
  requireInteger('resamples', resamples, { min: 0, max: 100 });
  requireNumber('detail', detail, { min: 0, max: 1 });
  return { heedRounds, resamples, detail };
}

/** Frames over which detail that is carried over a join fades. */
export function detailReach({ frames }: Pick<MelSettings, 'frames'>): number {
  return Math.round(frames / 3);
}
