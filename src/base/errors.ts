// The one error type of the project and the exit status of each of its kinds. Knows nothing of what failed.

/** What went wrong, in the terms the exit status tells apart. */
export type ErrorKind = 'usage' | 'configuration' | 'data' | 'checkpoint' | 'numeric' | 'engine' | 'internal';

/** Exit status per kind of error; 130 is kept for an interrupt by the user. */
export const EXIT_STATUS: Readonly<Record<ErrorKind, number>> = Object.freeze({
  internal: 1,
  usage: 2,
  configuration: 3,
  data: 4,
  checkpoint: 5,
  numeric: 6,
  engine: 7,
});

/** The parts of an error message: where it is, what was found, what was expected, how to fix it. */
export interface ErrorParts {
  readonly kind: ErrorKind;
  /** File, key, flag or function argument, for example `corpus.path` or `kick 01.wav`. */
  readonly where: string;
  /** What was found there, in words. */
  readonly got: string;
  /** What would have been accepted. */
  readonly expected?: string;
  /** What the user can do about it: a full sentence. */
  readonly fix?: string;
  readonly cause?: unknown;
}

/** The root of all errors that Melstrom raises on purpose. */
export class MelstromError extends Error {
  readonly kind: ErrorKind;
  readonly where: string;
  readonly got: string;
  readonly expected: string | undefined;
  readonly fix: string | undefined;

  constructor(parts: ErrorParts) {
    super(composeMessage(parts), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'MelstromError';
    this.kind = parts.kind;
    this.where = parts.where;
    this.got = parts.got;
    this.expected = parts.expected;
    this.fix = parts.fix;
  }

  /** The exit status that a command ends with after this error. */
  get exitStatus(): number {
    return EXIT_STATUS[this.kind];
  }
}

function composeMessage({ where, got, expected, fix }: ErrorParts): string {
  const found = expected === undefined ? `${where}: ${got}.` : `${where}: got ${got}, expected ${expected}.`;
  return fix === undefined ? found : `${found} ${fix}`;
}

/** The message of anything that was thrown, for use inside another message. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
