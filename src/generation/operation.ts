// What the sidecar of a clip says beside its other fields when it was made from a sound, or from several things at once. Knows no file.
import type { DownmixRule } from '../audio/downmix.js';
import type { DescribedMix } from './mix.js';
import type { Sidecar } from './sidecar.js';

/** A sound that went in. */
export interface InputRecord {
  /** SHA-256 of its samples as float32 at the model's rate, one channel after the other. */
  readonly sha256: string;
  readonly sampleCount: number;
  /** Where it came from, if that is known. */
  readonly file?: string;
  /** How the file's channels were made one. */
  readonly downmix?: DownmixRule;
}

/** How far a sound was left behind. */
export interface VarySettings {
  readonly strength: number;
  readonly input: InputRecord;
  readonly mix: DescribedMix;
}

export interface FillSettings extends VarySettings {
  /** As it was placed in the sound. */
  readonly region: { readonly fromSample: number; readonly toSample: number; readonly lowHz: number; readonly highHz: number };
  readonly fadeSeconds: number;
  readonly fadeOctaves: number;
  /** As in the request. Absent from records of versions that resampled twice and did nothing else. */
  readonly heedRounds?: number;
  readonly resamples?: number;
  readonly detail?: number;
  /** Absent from records of versions that did not hold. */
  readonly holdSeconds?: number;
}

/** One end of a morph: the noise of a seed, or of a sound, and what it is to be. */
export interface EndRecord {
  /** null where it is a sound. */
  readonly seed: number | null;
  readonly input: InputRecord | null;
  readonly mix: DescribedMix;
}

export interface MorphSettings {
  readonly from: EndRecord;
  readonly to: EndRecord;
  /** As it was asked for: phases between sounds. */
  readonly seed: number;
  /** Which clip of the whole morph, from 0, and how many those are. */
  readonly index: number;
  readonly count: number;
  /** Between 0, which is `from`, and 1. */
  readonly position: number;
  readonly rounds: number;
  readonly corrections: number;
  /** Mean change of a cell since the clip before; null for the first. Unit: dB. */
  readonly changeDb: number | null;
}

export interface CombineSettings {
  readonly mix: DescribedMix;
}

/** The sidecar of a clip that was not drawn from noise and one label alone. */
export type OperationSidecar = Sidecar &
  (
    | { readonly operation: 'vary'; readonly operationSettings: VarySettings }
    | { readonly operation: 'fill'; readonly operationSettings: FillSettings }
    | { readonly operation: 'morph'; readonly operationSettings: MorphSettings }
    | { readonly operation: 'combine'; readonly operationSettings: CombineSettings }
  );
