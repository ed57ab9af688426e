// Checks of public arguments: each returns its value or throws one error that names it.
import { MelstromError, type ErrorKind } from './errors.js';

interface Range {
  readonly min?: number;
  readonly max?: number;
  /** How to fix it, a full sentence. */
  readonly fix?: string;
  readonly kind?: ErrorKind;
}

/** @throws MelstromError when value is not an integer in [min, max]. */
export function requireInteger(where: string, value: number, range: Range = {}): number {
  if (!Number.isSafeInteger(value) || !isWithin(value, range)) {
    throw outOfRange(where, value, `an integer in ${describeRange(range)}`, range);
  }
  return value;
}

/** @throws MelstromError when value is not a finite number in [min, max]. */
export function requireNumber(where: string, value: number, range: Range = {}): number {
  if (!Number.isFinite(value) || !isWithin(value, range)) {
    throw outOfRange(where, value, `a number in ${describeRange(range)}`, range);
  }
  return value;
}

/** @throws MelstromError when two shapes differ. */
export function requireShape(where: string, got: readonly number[], expected: readonly (number | null)[]): void {
  const isSame = got.length === expected.length && got.every((size, axis) => expected[axis] === null || expected[axis] === size);
  if (!isSame) {
    throw new MelstromError({
      kind: 'internal',
      where,
      got: `shape [${got.join(', ')}]`,
      expected: `[${expected.map((size) => size ?? 'any').join(', ')}]`,
    });
  }
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Range): boolean {
  return value >= min && value <= max;
}

function describeRange({ min, max }: Range): string {
  return `${min === undefined ? '(-∞' : `[${min}`}, ${max === undefined ? '∞)' : `${max}]`}`;
}

function outOfRange(where: string, value: unknown, expected: string, { fix, kind = 'usage' }: Range): MelstromError {
  return new MelstromError({ kind, where, got: String(value), expected, fix });
}
