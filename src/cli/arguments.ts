// Parsers of flag values, and checks of paths before any long work.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { MelstromError } from '../base/errors.js';

/** A flag parser for integers of at least `min`. */
export function integer(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < min) throw new InvalidArgumentError(`got '${text}', expected an integer of at least ${min}.`);
    return value;
  };
}

/** A flag parser for numbers of at least `min`, and at most `max` where it is given. */
export function number(min: number, max = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const expected = max === Infinity ? `a number of at least ${min}` : `a number from ${min} to ${max}`;
    if (text.trim() === '' || !Number.isFinite(value) || value < min || value > max) throw new InvalidArgumentError(`got '${text}', expected ${expected}.`);
    return value;
  };
}

/** A flag parser for two numbers from 0 to 1, the lower one first. */
export function interval(text: string): [number, number] {
  const [low, high, ...rest] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!(low >= 0 && low < high && high <= 1) || rest.length > 0) throw new InvalidArgumentError(`got '${text}', expected two numbers from 0 to 1, the lower one first, for example 0.3,0.98.`);
  return [low, high];
}

/**
 * The value of a flag that a command can't do without. Checked in the action, since commander would miss it before it looks for
 * unknown flags, and so never say that `--ouy` is one.
 */
export function requireFlag<T>(flag: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new MelstromError({ kind: 'usage', where: flag, got: 'nothing', expected: 'this flag with a value', fix: 'Add it; --help says what it means.' });
}

/** A path as it is typed into a shell. */
export function shellQuoted(path: string): string {
  return /^[\w./+:@-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** Collects a flag that may be given several times. */
export function collect(text: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), text];
}

/** @throws MelstromError when the folder does not exist or can't be read. */
export function requireReadableFolder(flag: string, folder: string): string {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new MelstromError({ kind: 'usage', where: flag, got: `'${folder}', which is no folder`, expected: 'an existing folder', fix: 'Check the spelling of the path.' });
  }
  requireAccess(flag, folder, constants.R_OK | constants.X_OK, 'read');
  return resolve(folder);
}

/** @throws MelstromError when a folder can't be created or written there. Creates nothing. */
export function requireWritableFolder(flag: string, folder: string): string {
  let existing = resolve(folder);
  while (!existsSync(existing)) existing = dirname(existing);
  if (!statSync(existing).isDirectory()) {
    throw new MelstromError({ kind: 'usage', where: flag, got: `'${folder}', below the file '${existing}'`, expected: 'a folder', fix: 'Choose another folder.' });
  }
  requireAccess(flag, existing, constants.W_OK | constants.X_OK, 'written');
  return resolve(folder);
}

function requireAccess(flag: string, path: string, mode: number, verb: string): void {
  try {
    accessSync(path, mode);
  } catch (cause) {
    throw new MelstromError({
      kind: 'usage', where: flag, got: `'${path}', which can't be ${verb}`, expected: 'a folder that you have the rights to', fix: 'Change its permissions or choose another.', cause,
    });
  }
}
