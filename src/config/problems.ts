// Turns what is wrong with a configuration into one error that lists all of it. Knows no particular schema.
import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { MelstromError } from '../base/errors.js';
import { describeSchema, keyPaths, schemaAt, shapeOf } from './schema-text.js';

/** One thing that is wrong, by its full key path. */
export interface ConfigProblem {
  readonly key: string;
  readonly got: string;
  readonly expected?: string;
  readonly fix?: string;
}

/** The known name nearest to a wrong one. */
export function nearestName(name: string, known: readonly string[]): string | null {
  return known.length === 0 ? null : closest(name, [...known]);
}

/** One error with every problem, each with its key, what was found, what was expected and the fix. */
export function configurationError(where: string, problems: readonly ConfigProblem[]): MelstromError {
  const [first] = problems;
  if (problems.length === 1) {
    return new MelstromError({ kind: 'configuration', where: `${where}: ${first.key}`, got: first.got, expected: first.expected, fix: first.fix });
  }
  return new MelstromError({ kind: 'configuration', where, got: `${problems.length} problems\n${problems.map(problemLine).join('\n')}` });
}

function problemLine({ key, got, expected, fix }: ConfigProblem): string {
  const found = expected === undefined ? `${key}: ${got}` : `${key}: got ${got}, expected ${expected}`;
  return fix === undefined ? `  - ${found}` : `  - ${found}. ${fix.replace(/\.$/, '')}`;
}

/** The problems that a schema found in a raw value. */
export function problemsOf(schema: z.core.$ZodType, raw: unknown, issues: readonly z.core.$ZodIssue[]): ConfigProblem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey(schema, issue.path, key))
      : [wrongValue(schema, raw, issue)],
  );
}

/** A key that its block does not have: names the nearest one it has, and where a key of this name belongs. */
export function unknownKey(schema: z.core.$ZodType, parent: readonly PropertyKey[], key: string): ConfigProblem {
  const block = schemaAt(schema, parent);
  const known = block === null ? [] : Object.keys(shapeOf(block) ?? {});
  const nearest = nearestName(key, known);
  const elsewhere = keyPaths(schema).filter((path) => path.endsWith(`.${key}`));
  const isNear = nearest !== null && distance(key, nearest) <= Math.max(2, key.length / 3);
  const belongs = !isNear && elsewhere.length > 0 ? `Key ${key} belongs in ${elsewhere.slice(0, 3).join(' or ')}.` : undefined;
  const nearestFix = nearest === null ? undefined : `The nearest known key is ${pathText([...parent, nearest])}.`;
  return {
    key: pathText([...parent, key]),
    got: 'an unknown key',
    expected: known.length === 0 ? 'a value without keys' : `one of ${known.join(', ')}`,
    fix: belongs ?? nearestFix,
  };
}

function wrongValue(schema: z.core.$ZodType, raw: unknown, issue: z.core.$ZodIssue): ConfigProblem {
  const key = issue.path.length === 0 ? '(the whole file)' : pathText(issue.path);
  const node = schemaAt(schema, issue.path);
  const value = valueAt(raw, issue.path);
  if (issue.code === 'custom') return contradiction(key, valueText(value), issue.message);
  const expected = node === null ? issue.message : describeSchema(node);
  const text = typeof value === 'string' && issue.code === 'invalid_value' ? nearestValue(value, issue.values.map(String)) : undefined;
  return { key, got: valueText(value), expected, fix: text };
}

/** A rule of a schema's own: its message says either what was expected or what the matter is. */
function contradiction(key: string, value: string, message: string): ConfigProblem {
  const [, expected] = /^expected (.*)$/s.exec(message) ?? [];
  return expected === undefined ? { key, got: `${value.slice(0, 1) === '{' ? '' : `${value}: `}${message}` } : { key, got: value, expected };
}

function nearestValue(value: string, known: readonly string[]): string | undefined {
  const nearest = nearestName(value, known);
  return nearest === null ? undefined : `Did you mean ${nearest}?`;
}

/** `unet.network.block_out_channels[2]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('');
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined), raw);
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
