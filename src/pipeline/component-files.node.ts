// The files of one part of a pipeline folder: its JSON, and its weights in one safetensors file or several. Knows no network.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';
import { joinedSource, shortList, type TensorSource } from '../nn/index.js';
import { parsePythonJson } from './_python-json.js';
import { openSafetensorsFile } from '../nn/safetensors-file.node.js';

/** What the reference libraries call weights, without ending: networks of diffusers, then those of transformers. */
const WEIGHT_NAMES = ['diffusion_pytorch_model', 'model'] as const;
const PICKLE = /\.(bin|ckpt|pt|pth|pkl|msgpack|h5)$/;

export interface OpenWeightsOptions {
  /** Part of the names, such as `fp16` in `model.fp16.safetensors`. null: the names without one, else the only one there is. Default null. */
  readonly variant?: string | null;
}

/**
 * Opens the weights in the folder of one part: `diffusion_pytorch_model` or `model`, `.safetensors` or an index of shards. Only
 * headers are read until tensors are asked for.
 *
 * Memory: the caller closes the source.
 * @throws MelstromError of kind 'checkpoint' when there are none, only pickle files, which are never opened, or shards that do not agree with their index
 */
export function openWeights(folder: string, { variant = null }: OpenWeightsOptions = {}): TensorSource {
  const names = listFolder(folder);
  const found = names.flatMap((name) => describeName(name) ?? []);
  const wanted = found.filter((file) => file.variant === variant);
  const variants = [...new Set(found.map((file) => file.variant ?? '(none)'))];
  const chosen = wanted.length > 0 || variant !== null || variants.length !== 1 ? wanted : found;
  if (chosen.length === 0) throw noWeights(folder, { names, variants, variant });
  // One file before an index, and a network's name before a text encoder's.
  const [first] = chosen.toSorted((a, b) => a.rank - b.rank);
  const path = join(folder, first.name);
  return first.isIndex ? openShards(folder, path) : openSafetensorsFile(path);
}

interface WeightFile {
  readonly name: string;
  readonly variant: string | null;
  readonly isIndex: boolean;
  readonly rank: number;
}

const SINGLE = /^(.+?)(?:\.([A-Za-z0-9_-]+))?\.safetensors$/;
const INDEX = /^(.+?)\.safetensors\.index(?:\.([A-Za-z0-9_-]+))?\.json$/;

function describeName(name: string): WeightFile | null {
  const isIndex = INDEX.test(name);
  const [, base, variant = null] = (isIndex ? INDEX : SINGLE).exec(name) ?? [];
  const order = WEIGHT_NAMES.indexOf(base as (typeof WEIGHT_NAMES)[number]);
  if (order < 0 || (variant !== null && /-\d{5}-of-\d{5}$/.test(variant))) return null;
  return { name, variant, isIndex, rank: 2 * order + (isIndex ? 1 : 0) };
}

/** @throws MelstromError when a shard is absent or holds other tensors than the index says */
function openShards(folder: string, indexPath: string): TensorSource {
  const index = readJsonFile(indexPath) as { weight_map?: unknown };
  const map = index?.weight_map;
  if (typeof map !== 'object' || map === null || Object.values(map).some((file) => typeof file !== 'string')) {
    throw new MelstromError({ kind: 'checkpoint', where: indexPath, got: 'no weight_map of names', expected: 'the file of each tensor' });
  }
  const places = new Map(Object.entries(map as Record<string, string>));
  const files = [...new Set(places.values())];
  const outside = files.find((file) => file !== basename(file) || !file.endsWith('.safetensors'));
  if (outside !== undefined) throw new MelstromError({ kind: 'checkpoint', where: indexPath, got: `the shard '${outside}'`, expected: 'names of safetensors files beside the index' });
  const sources: TensorSource[] = [];
  try {
    for (const file of files) {
      const source = openSafetensorsFile(join(folder, file));
      sources.push(source);
      const stray = [...source.entries.keys()].filter((name) => places.get(name) !== file);
      const absent = [...places].filter(([name, place]) => place === file && !source.entries.has(name)).map(([name]) => name);
      const problems = [...stray.map((name) => `${name}, which the index has elsewhere or not at all`), ...absent.map((name) => `no ${name}`)];
      if (problems.length > 0) throw new MelstromError({ kind: 'checkpoint', where: join(folder, file), got: shortList(problems), expected: `what ${basename(indexPath)} says`, fix: 'Copy or download all shards again.' });
    }
    return joinedSource(indexPath, sources);
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}

function noWeights(folder: string, { names, variants, variant }: { names: readonly string[]; variants: readonly string[]; variant: string | null }): MelstromError {
  if (variants.length > 0) {
    return new MelstromError({
      kind: 'checkpoint', where: folder, got: `weights of the variants ${variants.join(', ')}`,
      expected: variant === null ? 'one without a variant, or a choice' : `the variant ${variant}`, fix: 'Choose one with --variant.',
    });
  }
  const pickle = names.find((name) => PICKLE.test(name));
  if (pickle !== undefined) throw pickleError(join(folder, pickle));
  return new MelstromError({
    kind: 'checkpoint', where: join(folder, `${WEIGHT_NAMES.join('.safetensors or ')}.safetensors`), got: 'no such file', expected: 'weights of a pipeline folder', fix: 'Check the folder, or train first.',
  });
}

/** Pickle files can run code when they are opened, so they never are. */
export function pickleError(path: string): MelstromError {
  return new MelstromError({
    kind: 'checkpoint',
    where: path,
    got: 'a file that may run code when it is opened',
    expected: 'safetensors',
    fix:
      'Convert it where you trust it, in Python: DiffusionPipeline.from_pretrained("<folder>").save_pretrained("<new folder>", safe_serialization=True), ' +
      'or StableDiffusionPipeline.from_single_file("<file>") in its place for a single file.',
  });
}

/** @throws MelstromError when the file is absent or not JSON */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    const isAbsent = (thrown as { code?: string }).code === 'ENOENT';
    throw new MelstromError({
      kind: 'checkpoint', where: path, got: isAbsent ? 'no such file' : messageOf(thrown), expected: 'a file of a pipeline folder', fix: isAbsent ? 'Check the folder, or train first.' : undefined, cause: thrown,
    });
  }
  try {
    return parsePythonJson(text);
  } catch (thrown) {
    throw new MelstromError({ kind: 'checkpoint', where: path, got: `no JSON (${messageOf(thrown)})`, expected: 'a JSON file of a pipeline folder', cause: thrown });
  }
}

function listFolder(folder: string): string[] {
  if (!existsSync(folder)) throw new MelstromError({ kind: 'checkpoint', where: folder, got: 'no such folder', expected: 'a part of a pipeline folder', fix: 'Check the folder, or train first.' });
  return readdirSync(folder);
}
