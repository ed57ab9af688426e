// The two folders of a pipeline that read text: `tokenizer/`, kept as it is, and `text_encoder/`, laid out as the reference does.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MelstromError, messageOf } from '../base/errors.js';
import { clipTextEncoderSchema, type ClipTextEncoderConfig } from '../config/clip-text-encoder.js';
import { configurationError, problemsOf } from '../config/problems.js';
import { createClipTextEncoder } from '../models/index.js';
import { loadReference, referenceFile, renamedSource, type FloatDtype, type TensorSource } from '../nn/index.js';
import type { FileContents } from './_whole-folder.node.js';
import { openWeights, type OpenWeightsOptions } from './component-files.node.js';
import { createClipTokenizer, type TokenizerFiles } from './clip-tokenizer.js';
import type { TextConditioner } from './text.js';

const TOKENIZER_FOLDER = 'tokenizer';
const ENCODER_FOLDER = 'text_encoder';
/** transformers' name, unlike that of diffusers. */
const WEIGHTS = 'model.safetensors';
const ENCODER_CLASS = 'CLIPTextModel';
/** The version of the reference whose layout is written. */
const REFERENCE_VERSION = '5.24.0';

/** The files of a text conditioner by their paths in a pipeline folder. */
export function textFiles({ tokenizer, encoder }: TextConditioner, dtype: FloatDtype = 'F32'): Map<string, FileContents> {
  const files = new Map<string, FileContents>();
  for (const [name, bytes] of tokenizer.files) files.set(`${TOKENIZER_FOLDER}/${name}`, bytes);
  files.set(`${ENCODER_FOLDER}/config.json`, encoderConfigJson(encoder.config, dtype));
  files.set(`${ENCODER_FOLDER}/${WEIGHTS}`, referenceFile(encoder.parameters, dtype));
  return files;
}

const DTYPE_NAMES: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };
/** Keys that the reference takes with a decimal point only: `1` is refused, `1.0` is not. */
const FRACTIONS = /^( *"(?:layer_norm_eps|initializer_range|initializer_factor)": -?\d+)(?=,?$)/gm;

/** The text of the encoder's config.json. */
export function encoderConfigJson(config: ClipTextEncoderConfig, dtype: FloatDtype = 'F32'): string {
  const whole = { architectures: [ENCODER_CLASS], ...config, dtype: DTYPE_NAMES[dtype], model_type: 'clip_text_model', transformers_version: REFERENCE_VERSION };
  return `${JSON.stringify(whole, null, 2).replace(FRACTIONS, '$1.0')}\n`;
}

/**
 * Reads tokenizer and text encoder of a pipeline folder. Memory: the caller disposes the encoder.
 *
 * @throws MelstromError that names the file when one is absent, damaged or does not fit
 */
export async function readText(folder: string, options: OpenWeightsOptions = {}): Promise<TextConditioner> {
  const tokenizer = createClipTokenizer(await readTokenizer(join(folder, TOKENIZER_FOLDER)), join(folder, TOKENIZER_FOLDER));
  const configPath = join(folder, ENCODER_FOLDER, 'config.json');
  const encoder = createClipTextEncoder(fromEncoderConfig(toJson(await readBytes(configPath), configPath), configPath), { seed: null });
  try {
    const source = openWeights(join(folder, ENCODER_FOLDER), options);
    try {
      loadReference(encoder.parameters, publishedNames(source));
    } finally {
      source.close();
    }
    return { tokenizer, encoder };
  } catch (thrown) {
    encoder.dispose();
    throw thrown;
  }
}

const PREFIX = 'text_model.';
/** 0, 1, 2 …, which old files carry and no version reads. */
const POSITION_NUMBERS = /^(text_model\.)?embeddings\.position_ids$/;

/**
 * The names that published files have. Newer versions of the reference write them without `text_model.`, old ones carry the
 * positions' numbers too: the only tensor that is left out.
 */
export function publishedNames(source: TensorSource): TensorSource {
  const hasPrefix = [...source.entries.keys()].some((name) => name.startsWith(PREFIX));
  return renamedSource(source, (name) => (POSITION_NUMBERS.test(name) ? null : hasPrefix ? name : `${PREFIX}${name}`));
}

const headSchema = z.looseObject({
  architectures: z.array(z.literal(ENCODER_CLASS)).nullish(),
  model_type: z.literal('clip_text_model').nullish(),
});
/** How and by what the file was written, not what the network is. */
const HEAD = new Set(['architectures', 'model_type', 'dtype', 'torch_dtype', 'transformers_version', 'gradient_checkpointing', 'use_cache', 'return_dict']);

/** @throws MelstromError of kind 'configuration' that names what does not fit */
export function fromEncoderConfig(raw: unknown, where: string): ClipTextEncoderConfig {
  const head = headSchema.safeParse(raw);
  if (!head.success) throw configurationError(where, problemsOf(headSchema, raw, head.error.issues));
  const own = Object.fromEntries(Object.entries(head.data).filter(([key]) => !key.startsWith('_') && !HEAD.has(key)));
  const result = clipTextEncoderSchema.safeParse(own);
  if (!result.success) throw configurationError(where, problemsOf(clipTextEncoderSchema, own, result.error.issues));
  return result.data;
}

const TOKENIZER_FILES = ['vocab.json', 'merges.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'];

async function readTokenizer(folder: string): Promise<TokenizerFiles> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw unreadable(folder, thrown, 'the tokenizer of the text encoder');
  });
  const present = TOKENIZER_FILES.filter((name) => names.includes(name));
  return new Map(await Promise.all(present.map(async (name) => [name, await readBytes(join(folder, name))] as const)));
}

async function readBytes(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((thrown: unknown) => {
    throw unreadable(path, thrown, 'a file of a pipeline folder');
  });
}

function toJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch (thrown) {
    throw new MelstromError({ kind: 'checkpoint', where, got: `no JSON (${messageOf(thrown)})`, expected: `the configuration of a ${ENCODER_CLASS}`, cause: thrown });
  }
}

function unreadable(where: string, thrown: unknown, expected: string): MelstromError {
  const isAbsent = (thrown as { code?: string }).code === 'ENOENT';
  return new MelstromError({ kind: 'checkpoint', where, got: isAbsent ? 'nothing of this name' : messageOf(thrown), expected, fix: 'Copy the whole folder of the model.', cause: thrown });
}
