// What the files of a tokenizer folder say: vocabulary, merges, special tokens and length. Knows no text.
import { z } from 'zod';
import { MelstromError, messageOf } from '../base/errors.js';
import { configurationError, problemsOf } from '../config/problems.js';

/** Contents of a tokenizer folder by file name. */
export type TokenizerFiles = ReadonlyMap<string, Uint8Array>;

/** A token that is found in the text before anything else is done. */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Whether it is looked for after lower case and the like, or before. */
  readonly isNormalized: boolean;
}

/** What a CLIP tokenizer is made of. */
export interface TokenizerParts {
  readonly vocabulary: Readonly<Record<string, number>>;
  /** Pairs that become one, first those that go first. */
  readonly merges: readonly (readonly [string, string])[];
  readonly addedTokens: readonly AddedToken[];
  readonly startId: number;
  readonly endId: number;
  readonly unknown: string;
  readonly padId: number;
  /** Tokens of a prompt, padded or cut; null where the files do not say. */
  readonly length: number | null;
}

const tokenSchema = z.looseObject({
  content: z.string().min(1),
  normalized: z.boolean().default(true),
  // A token that takes the spaces around it, or only stands alone, would need rules of its own.
  lstrip: z.literal(false).default(false),
  rstrip: z.literal(false).default(false),
  single_word: z.literal(false).default(false),
});
const namedSchema = z.union([z.string().min(1), tokenSchema]);
const namesSchema = z.looseObject({ bos_token: namedSchema.optional(), eos_token: namedSchema.optional(), unk_token: namedSchema.optional(), pad_token: namedSchema.optional() });
const configSchema = namesSchema.extend({
  tokenizer_class: z.enum(['CLIPTokenizer', 'CLIPTokenizerFast']).default('CLIPTokenizer'),
  model_max_length: z.number().min(2).nullable().default(null),
  added_tokens_decoder: z.record(z.string(), tokenSchema).optional(),
});
const vocabularySchema = z.record(z.string(), z.int().min(0));
const wholeSchema = z.looseObject({
  added_tokens: z.array(tokenSchema.extend({ id: z.int().min(0) })).default([]),
  model: z.looseObject({ vocab: vocabularySchema, merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])) }),
});

type Names = z.output<typeof namesSchema>;
type NamedToken = z.output<typeof namedSchema>;

/** In the order in which the reference adds them; the last with the same text decides how it is looked for. */
const ROLES = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const;
const END = '<|endoftext|>';
const DEFAULT_NAMES = { bos_token: '<|startoftext|>', eos_token: END, unk_token: END, pad_token: END } as const;
/** What stands in files for no limit is 1e30. */
const LONGEST = 1e6;

/**
 * Reads vocab.json and merges.txt, or tokenizer.json where there is one, with the files of special tokens beside them.
 *
 * Source: transformers 5.24, CLIPTokenizer.from_pretrained: special_tokens_map.json goes before tokenizer_config.json,
 * unless that one lists added tokens.
 * @throws MelstromError of kind 'checkpoint' or 'configuration' that names the file
 */
export function readTokenizerFiles(files: TokenizerFiles, where: string): TokenizerParts {
  const read = <S extends z.ZodType>(name: string, schema: S): z.output<S> | null => (files.has(name) ? parse(schema, toJson(files.get(name)!, `${where}/${name}`), `${where}/${name}`) : null);
  const config = read('tokenizer_config.json', configSchema) ?? configSchema.parse({});
  const map = config.added_tokens_decoder === undefined ? read('special_tokens_map.json', namesSchema) : null;
  const names = { ...DEFAULT_NAMES, ...present(config), ...present(map ?? {}) };
  const whole = read('tokenizer.json', wholeSchema);
  const vocabulary = whole?.model.vocab ?? read('vocab.json', vocabularySchema);
  if (vocabulary === null) throw absent(where, 'neither tokenizer.json nor vocab.json');
  const merges = whole?.model.merges ?? readMerges(files, where);

  const added = new Map<string, AddedToken>();
  for (const { content, id, normalized } of whole?.added_tokens ?? []) added.set(content, { content, id, isNormalized: normalized });
  for (const [id, { content, normalized }] of Object.entries(config.added_tokens_decoder ?? {})) added.set(content, { content, id: Number(id), isNormalized: normalized });
  for (const [content, id] of Object.entries(read('added_tokens.json', vocabularySchema) ?? {})) added.set(content, { content, id, isNormalized: true });
  const idOf = (text: string): number => {
    const id = added.get(text)?.id ?? (Object.hasOwn(vocabulary, text) ? vocabulary[text] : undefined);
    if (id === undefined) throw new MelstromError({ kind: 'checkpoint', where, got: `no number for the special token ${text}`, expected: 'one in the vocabulary' });
    return id;
  };
  const listed = new Set(added.keys());
  for (const role of ROLES) {
    const content = textOf(names[role]);
    const named = names[role];
    if (!listed.has(content)) added.set(content, { content, id: idOf(content), isNormalized: typeof named !== 'string' && named.normalized });
  }
  const { model_max_length: length } = config;
  return {
    vocabulary,
    merges: merges.map((pair) => (typeof pair === 'string' ? splitPair(pair, where) : pair)),
    addedTokens: [...added.values()],
    startId: idOf(textOf(names.bos_token)),
    endId: idOf(textOf(names.eos_token)),
    padId: idOf(textOf(names.pad_token)),
    unknown: textOf(names.unk_token),
    length: length === null || length > LONGEST ? null : Math.floor(length),
  };
}

function present(names: Names): Partial<Record<(typeof ROLES)[number], NamedToken>> {
  return Object.fromEntries(ROLES.flatMap((role) => (names[role] === undefined ? [] : [[role, names[role]]])));
}

function textOf(token: NamedToken): string {
  return typeof token === 'string' ? token : token.content;
}

function readMerges(files: TokenizerFiles, where: string): string[] {
  const bytes = files.get('merges.txt');
  if (bytes === undefined) throw absent(where, 'no merges.txt beside vocab.json');
  return new TextDecoder().decode(bytes).split(/\r?\n/).filter((line, index) => line.trim() !== '' && !(index === 0 && line.startsWith('#version')));
}

function splitPair(pair: string, where: string): [string, string] {
  const [first, second, ...rest] = pair.split(' ');
  if (second !== undefined && rest.length === 0) return [first, second];
  throw new MelstromError({ kind: 'checkpoint', where, got: `the merge ${JSON.stringify(pair)}`, expected: 'two tokens with a space between' });
}

function toJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch (error) {
    throw new MelstromError({ kind: 'checkpoint', where, got: `no JSON (${messageOf(error)})`, expected: 'a file of a tokenizer', cause: error });
  }
}

function parse<S extends z.ZodType>(schema: S, raw: unknown, where: string): z.output<S> {
  const result = schema.safeParse(raw);
  if (!result.success) throw configurationError(where, problemsOf(schema, raw, result.error.issues));
  return result.data;
}

function absent(where: string, got: string): MelstromError {
  return new MelstromError({ kind: 'checkpoint', where, got, expected: 'vocab.json and merges.txt, or tokenizer.json', fix: 'Copy the whole tokenizer folder of the model.' });
}
