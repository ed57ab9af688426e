// What is known of one sound of a corpus before it is opened.

export type Split = 'train' | 'validation';

export interface CorpusFile {
  /** Absolute path. */
  readonly path: string;
  /** Path under the corpus, with forward slashes: what people are shown, and what orders files on every file system. */
  readonly name: string;
  /** Null where the sound has none. */
  readonly label: string | null;
  /** What it is, in words: empty where the manifest's cell is. Null where captions are not asked for. */
  readonly caption: string | null;
  /** Files of one group never stand on both sides of the split. */
  readonly group: string;
  readonly split: Split;
  /** Every column of the manifest; empty without one. */
  readonly columns: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** A file that could not be used, and why. */
export interface BadFile {
  readonly name: string;
  readonly error: string;
}

/** Files with the same bytes as one that is kept. */
export interface Duplicate {
  readonly name: string;
  readonly sameAs: string;
  /** True when the two carry different labels: a mistake in the corpus, most likely. */
  readonly hasOtherLabel: boolean;
}

/** Code unit order, the same on every machine and in every locale. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** At most `shown` names, and how many more there are. */
export function listNames(names: readonly string[], shown = 5): string {
  const rest = names.length - shown;
  return rest > 0 ? `${names.slice(0, shown).join(', ')} and ${rest} more` : names.join(', ');
}
