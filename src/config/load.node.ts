// Reads a configuration file, resolves its relative paths against its folder, and fills in what an initial pipeline lends it.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';
import { deepFreeze } from './freeze.js';
import { initialConflicts, withInitialDefaults, type ReadInitial } from './initial.js';
import { configurationError } from './problems.js';
import { applyOverrides, checkRunConfig, parseYaml, resolveOverrides, type RunConfig } from './run-config.js';

export interface LoadRunConfigOptions {
  /** `key.path=value`, in order; paths in them are relative to the working folder. */
  readonly overrides?: readonly string[];
  /** Reads the folder in `initialPipeline`; needed where a configuration has one. `readInitialDefaults` of the pipelines does it. */
  readonly readInitial?: ReadInitial;
}

/**
 * Reads, checks and freezes a configuration; `corpus.path`, `corpus.manifest`, `initialPipeline` and `unet.textEncoder` become absolute, relative to the
 * file's folder.
 *
 * @throws MelstromError of kind 'configuration' that lists every problem
 */
export async function loadRunConfig(path: string, { overrides = [], readInitial }: LoadRunConfigOptions = {}): Promise<RunConfig> {
  const text = await readText(path);
  const raw = parseYaml(text, path);
  if (!namesInitial(raw, overrides)) {
    const isTakenBack = namesInitial(raw, []); // by an override, after which the networks are checked
    return resolveOverrides(absolute(checkRunConfig(raw, path, { areNetworksKnown: !isTakenBack }), path), overrides);
  }
  if (readInitial === undefined) {
    throw new MelstromError({ kind: 'usage', where: `${path}: initialPipeline`, got: 'a folder that nothing reads', expected: 'readInitial in the options', fix: 'Pass readInitialDefaults.' });
  }
  const own = absolute(checkRunConfig(raw, path, { areNetworksKnown: false }), path);
  const { corpus: { path: corpusPath, manifest }, initialPipeline, unet: { textEncoder } } = own;
  const placed = { ...(raw as Record<string, unknown>), initialPipeline, unet: { ...(raw as { unet?: object }).unet, textEncoder }, corpus: { ...(raw as { corpus: object }).corpus, path: corpusPath, manifest } };
  const changed = applyOverrides(placed, overrides);
  const first = checkRunConfig(changed, '--set', { areNetworksKnown: false });
  const folder = resolve(first.initialPipeline!);
  const defaults = await readInitial(folder, first);
  const merged = withInitialDefaults({ ...changed, initialPipeline: folder }, defaults);
  const conflicts = initialConflicts(checkRunConfig(merged, path, { areNetworksKnown: false }), defaults);
  if (conflicts.length > 0) throw configurationError(path, conflicts);
  return checkRunConfig(merged, path);
}

/** Whether there is an initial pipeline, in the file or in the last override of that key. */
function namesInitial(raw: unknown, overrides: readonly string[]): boolean {
  const block = typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {};
  const value = applyOverrides({ initialPipeline: block.initialPipeline }, overrides.filter((override) => /^\s*initialPipeline\s*=/.test(override))).initialPipeline;
  return value !== undefined && value !== null;
}

function absolute(config: RunConfig, path: string): RunConfig {
  const folder = dirname(resolve(path));
  const { corpus, initialPipeline, unet } = config;
  const from = (path: string | null): string | null => (path === null ? null : resolve(folder, path));
  return deepFreeze({
    ...config, initialPipeline: from(initialPipeline), corpus: { ...corpus, path: resolve(folder, corpus.path), manifest: from(corpus.manifest) },
    unet: { ...unet, textEncoder: from(unet.textEncoder) },
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new MelstromError({ kind: 'configuration', where: path, got: `a file that cannot be read (${messageOf(error)})`, expected: 'a YAML configuration', cause: error });
  }
}
