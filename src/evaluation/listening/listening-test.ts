// What a listening test is: the values that its page carries, and the answers that it gives back. Runs in the browser.

export const TEST_KINDS = ['mushra', 'abx', 'preference'] as const;
export type TestKind = (typeof TEST_KINDS)[number];

/** Name of the sub-folder, and so of the condition, that everything is compared with. */
export const REFERENCE = 'reference';
/** The hidden reference among the sounds to rate. */
export const HIDDEN_REFERENCE = 'hidden reference';
/** Pass band edges of BS.1534's anchors. Unit: hertz. */
export const ANCHORS_HZ = [3500, 7000] as const;

/** Condition name of an anchor, for example `anchor 3.5 kHz`. */
export function anchorName(passHz: number): string {
  return `anchor ${passHz / 1000} kHz`;
}

/** A sound as it travels in the page: 16-bit samples of all channels, squeezed, and what to multiply them by. */
export interface PackedSound {
  readonly channelCount: number;
  /** Samples per channel. */
  readonly sampleCount: number;
  /** Linear; matches the levels. */
  readonly gain: number;
  readonly data: string;
}

/** One item under one condition: which sound to play, and what to do to it. */
export interface Stimulus {
  readonly condition: string;
  /** Index into `sounds`. */
  readonly sound: number;
  /** Low-passed where set: an anchor is made from its reference when it is needed. */
  readonly passHz?: number;
}

export interface Item {
  readonly name: string;
  /** The open reference; null where there is none. */
  readonly reference: Stimulus | null;
  /** To be judged, in no telling order. */
  readonly stimuli: readonly Stimulus[];
  /** Samples of one round of the loop, silence between rounds included. */
  readonly loopSamples: number;
}

/** Everything that a page needs to run a test. */
export interface ListeningTest {
  readonly format: 'melstrom-listening-test';
  readonly version: 1;
  /** Changes with the sounds and the settings: progress is kept under it, and results name it. */
  readonly id: string;
  readonly title: string;
  readonly kind: TestKind;
  readonly seed: number;
  readonly sampleRateHz: number;
  /** ABX: trials for each pair of conditions. Preference: how often each pair of each item is asked for. */
  readonly trials: number;
  /** Trials at the start that do not count. */
  readonly practice: number;
  readonly items: readonly Item[];
  readonly sounds: readonly PackedSound[];
}

interface TrialBase {
  /** Index into `items`. */
  readonly item: number;
  readonly isPractice: boolean;
}

export interface AbxTrial extends TrialBase {
  readonly kind: 'abx';
  readonly a: string;
  readonly b: string;
  readonly x: 'a' | 'b';
}

export interface MushraTrial extends TrialBase {
  readonly kind: 'mushra';
  /** Conditions in the order of the buttons. */
  readonly order: readonly string[];
}

export interface PreferenceTrial extends TrialBase {
  readonly kind: 'preference';
  readonly a: string;
  readonly b: string;
}

export type Trial = AbxTrial | MushraTrial | PreferenceTrial;

/** What was answered: `a` or `b` (ABX, preference), `none` (preference), or a score in [0, 100] for each button (MUSHRA). */
export interface Answer {
  readonly choice?: 'a' | 'b' | 'none';
  readonly scores?: readonly number[];
  /** From the trial's appearance to its answer. */
  readonly seconds: number;
  /** How often each button's sound was switched to: A, B, X, or the reference and then the sounds in order. */
  readonly heard: readonly number[];
}

/** One trial with its answer, by names: what results are made of. */
export interface TrialResult {
  readonly number: number;
  readonly item: string;
  readonly seconds: number;
  readonly heard: readonly number[];
  /** ABX and preference. */
  readonly a?: string;
  readonly b?: string;
  /** ABX: which of the two X was. */
  readonly x?: 'a' | 'b';
  readonly choice?: 'a' | 'b' | 'none';
  readonly isCorrect?: boolean;
  /** MUSHRA, in the order of the buttons. */
  readonly ratings?: readonly { readonly condition: string; readonly score: number }[];
}

export interface ListeningResults {
  readonly format: 'melstrom-listening-results';
  readonly version: 1;
  readonly test: Pick<ListeningTest, 'id' | 'title' | 'kind' | 'seed'>;
  readonly listener: string;
  /** As the listener wrote it, for example the headphones. */
  readonly equipment: string;
  /** ISO 8601. */
  readonly started: string;
  /** null when the test was left before its end. */
  readonly finished: string | null;
  readonly trials: readonly TrialResult[];
}

export const RESULTS_FORMAT = 'melstrom-listening-results';
