// The whole configuration of a run: its schema, its parser, overrides of single keys, and its text. Knows no file system.
import { parse, parseDocument, stringify } from 'yaml';
import { MelstromError, messageOf } from '../base/errors.js';
import { crossCheck } from './cross-check.js';
import { deepFreeze } from './freeze.js';
import { configurationError, pathText, problemsOf, unknownKey, type ConfigProblem } from './problems.js';
import { runConfigSchema, type RunConfig } from './schema.js';
import { shapeOf, schemaAt } from './schema-text.js';

export type { CorpusConfig } from './corpus.js';
export type { DiffusionConfig } from './diffusion.js';
export type { GenerationConfig } from './generation.js';
export { runConfigSchema, type RunConfig } from './schema.js';

/**
 * Parses YAML into a checked, frozen configuration. Paths stay as they are written.
 *
 * @param where names the text in errors, usually the file
 * @throws MelstromError of kind 'configuration' that lists every problem
 */
export function parseRunConfig(text: string, where: string): RunConfig {
  return checkRunConfig(parseYaml(text, where), where);
}

/**
 * Checks plain data as parseRunConfig does.
 *
 * @param options.areNetworksKnown false before the networks of an initial pipeline are filled in. Default true
 * @throws MelstromError of kind 'configuration'
 */
export function checkRunConfig(raw: unknown, where: string, { areNetworksKnown = true }: { readonly areNetworksKnown?: boolean } = {}): RunConfig {
  const result = runConfigSchema.safeParse(raw ?? {});
  if (!result.success) throw configurationError(where, problemsOf(runConfigSchema, raw, result.error.issues));
  const problems = crossCheck(result.data, areNetworksKnown);
  if (problems.length > 0) throw configurationError(where, problems);
  return deepFreeze(result.data) as RunConfig;
}

/**
 * Applies `key.path=value` overrides in order; each value is read as YAML, so `[1, 2]`, `null` and `1e-4` work.
 *
 * @throws MelstromError of kind 'configuration' that lists every problem
 */
export function resolveOverrides(config: RunConfig, overrides: readonly string[]): RunConfig {
  if (overrides.length === 0) return config;
  return checkRunConfig(applyOverrides(config as Record<string, unknown>, overrides), '--set');
}

/**
 * Plain data with overrides, unchecked but for their keys; blocks that are not there yet are made.
 *
 * @throws MelstromError of kind 'configuration' that lists every problem
 */
export function applyOverrides(raw: Readonly<Record<string, unknown>>, overrides: readonly string[]): Record<string, unknown> {
  const copy = structuredClone(raw) as Record<string, unknown>;
  const problems = overrides.flatMap((override) => applyOverride(copy, override) ?? []);
  if (problems.length > 0) throw configurationError('--set', problems);
  return copy;
}

/** YAML of a configuration with every key, for the run folder; parseRunConfig reads it back to the same values. */
export function stringifyRunConfig(config: RunConfig): string {
  return stringify(config, { lineWidth: 0, aliasDuplicateObjects: false });
}

function applyOverride(raw: Record<string, unknown>, override: string): ConfigProblem | null {
  const [, key, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (key === undefined) return { key: override, got: 'no value', expected: 'key.path=value', fix: 'For example unet.training.steps=2000.' };
  const path = key.trim().split('.');
  let block: unknown = raw;
  for (const [index, name] of path.entries()) {
    const parent = path.slice(0, index);
    if (typeof block !== 'object' || block === null || !Object.hasOwn(shapeOf(schemaAt(runConfigSchema, parent) ?? runConfigSchema) ?? {}, name)) {
      return unknownKey(runConfigSchema, parent, name);
    }
    if (index < path.length - 1) block = (block as Record<string, unknown>)[name] ??= {};
  }
  try {
    (block as Record<string, unknown>)[path[path.length - 1]] = parse(text) as unknown;
    return null;
  } catch (error) {
    return { key: pathText(path), got: `${text}: ${messageOf(error).split('\n', 1)[0]}`, expected: 'a YAML value' };
  }
}

/** YAML as plain data. @throws MelstromError of kind 'configuration' with line and column */
export function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const [start] = problem.linePos ?? [];
    throw new MelstromError({
      kind: 'configuration',
      where: start === undefined ? where : `${where}: line ${start.line}, column ${start.col}`,
      got: problem.message.split('\n', 1)[0].replace(/ at line \d+, column \d+:?$/, ''),
      expected: 'YAML',
      cause: problem,
    });
  }
  return document.toJS() as unknown;
}
