// What one network must offer to be trained by the loop, and what the loop tells the outside. Knows no particular network.
import type { Gradients, HostTensor, ParameterTree } from '../nn/index.js';

export type StageName = 'vae' | 'unet' | 'upscaler' | 'vocoder';

/** Named numbers of one step or one validation, `loss` among them: the one that is minimised. */
export interface Figures extends Readonly<Record<string, number>> {
  readonly loss: number;
}

/** One forward and backward pass. */
export interface Pass {
  /** Memory: the loop disposes. */
  readonly gradients: Gradients;
  readonly figures: Figures;
  /** The slices of the batch, named when something is not finite. */
  readonly indices: ArrayLike<number>;
}

/** A network with its loss. All that it draws at random is a pure function of the seed and of the position it is given. */
export interface Stage {
  readonly name: StageName;
  readonly parameters: ParameterTree;
  /** Forward and backward on one batch. `pass` counts batches from 0 over the whole run: step × accumulate + part. */
  pass(position: { readonly step: number; readonly pass: number }): Promise<Pass>;
  /** Figures on fixed validation slices with fixed noise, so that two validations differ by the weights alone. */
  validate(): Promise<Figures>;
  /** Called after the optimiser has moved the weights, for a second network. The share is that of the highest learning rate. */
  afterStep?(position: { readonly step: number; readonly learningRateShare: number }): void;
  /** State beside weights, average and optimiser, for the checkpoint. */
  extraState?(): ReadonlyMap<string, HostTensor>;
  restoreExtra?(state: ReadonlyMap<string, HostTensor>): void;
}

/** One validation, kept in the checkpoint. */
export interface ValidationRecord {
  readonly step: number;
  readonly figures: Figures;
}

export type StageStatus = 'finished' | 'time-limit' | 'interrupted';

/** How a stage ended. */
export interface StageResult {
  readonly stage: StageName;
  readonly status: StageStatus;
  /** Optimiser steps done in all. */
  readonly step: number;
  /** Seconds of training in all, resumed time included. */
  readonly elapsedSeconds: number;
  /** Measured in this process, with validation and saving left out; null when it made no step. */
  readonly stepsPerSecond: number | null;
  readonly validations: readonly ValidationRecord[];
}
