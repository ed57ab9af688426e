// CLIP's tokenizer: prompts to the token numbers that the text encoder reads. Knows no network and no file system.
import { Tokenizer } from '@huggingface/tokenizers';
import { MelstromError } from '../base/errors.js';
import { readTokenizerFiles, type AddedToken, type TokenizerFiles } from './_tokenizer-files.js';

export type { TokenizerFiles } from './_tokenizer-files.js';

export interface ClipTokenizer {
  /** The files it was made from, unchanged, to be saved again. */
  readonly files: TokenizerFiles;
  /** Tokens of every prompt; null where the files leave it to the text encoder. */
  readonly length: number | null;
  /** Above every token number that can come out. */
  readonly vocabularySize: number;
  /**
   * Start, the tokens of the prompt, end; cut to `length` with the end kept, and filled with the padding token.
   *
   * Shape: [B, length], row after row. Source: diffusers 0.42, StableDiffusionPipeline.encode_prompt.
   */
  encode(prompts: readonly string[], length: number): Int32Array;
}

// \s of the reference's regular expressions is Unicode's white space, which JavaScript's \s is not (U+0085, U+FEFF).
const SPACE = String.raw`\p{White_Space}`;
const CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d";
const SPECIALS = String.raw`<\|startoftext\|>|<\|endoftext\|>`;

/**
 * Creates the tokenizer from the files of a `tokenizer/` folder. Its numbers are those of the reference for any text.
 *
 * Source: transformers 5.24, CLIPTokenizer.
 * @param where names the folder in errors
 * @throws MelstromError of kind 'checkpoint' or 'configuration' that names the file that is absent or does not fit
 */
export function createClipTokenizer(files: TokenizerFiles, where: string): ClipTokenizer {
  const { vocabulary, merges, addedTokens, startId, endId, padId, unknown, length } = readTokenizerFiles(files, where);
  const words = new Tokenizer(describeWords({ vocab: vocabulary, merges, unk_token: unknown }), {});
  const normalize = words.normalizer!;
  const splitRaw = createSplitter(addedTokens.filter(({ isNormalized }) => !isNormalized));
  const splitNormalized = createSplitter(addedTokens.filter(({ isNormalized }) => isNormalized).map((token) => ({ ...token, content: normalize.normalize(token.content) })));
  const idsOf = (text: string): number[] =>
    splitRaw(text).flatMap((part) => (typeof part === 'number' ? part : splitNormalized(normalize.normalize(part)).flatMap((inner) => (typeof inner === 'number' ? inner : words.encode(inner).ids))));
  return {
    files,
    length,
    vocabularySize: Math.max(...Object.values(vocabulary), ...addedTokens.map(({ id }) => id)) + 1,
    encode(prompts, width) {
      if (!Number.isSafeInteger(width) || width < 2) throw new MelstromError({ kind: 'internal', where: 'tokenizer: length', got: String(width), expected: 'at least 2, for start and end' });
      const rows = new Int32Array(prompts.length * width).fill(padId);
      prompts.forEach((prompt, row) => rows.set([startId, ...idsOf(prompt).slice(0, width - 2), endId], row * width));
      return rows;
    },
  };
}

interface Words {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
  readonly unk_token: string;
}

/** The library's own description of what is done between special tokens. */
function describeWords(model: Words): object {
  return {
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: `${SPACE}+` }, content: ' ' },
        // The reference lowers letter by letter: a sigma at the end of a word is like any other.
        { type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        splitInto(String.raw`${SPECIALS}|${CONTRACTIONS}|[\p{L}]+|[\p{N}]|[^${SPACE}\p{L}\p{N}]+`),
        splitInto(String.raw`${CONTRACTIONS}|\p{L}+|\p{N}+|[^${SPACE}\p{L}\p{N}]+`),
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ],
    },
    model: { type: 'BPE', continuing_subword_prefix: '', end_of_word_suffix: '</w>', ...model },
    post_processor: null,
    decoder: null,
  };
}

function splitInto(pattern: string): object {
  return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Removed', invert: true };
}

/** Cuts a text at tokens, which become their numbers; of several that begin at one place the longest is taken. */
function createSplitter(tokens: readonly AddedToken[]): (text: string) => (string | number)[] {
  if (tokens.length === 0) return (text) => [text];
  const ids = new Map(tokens.map(({ content, id }) => [content, id]));
  const longestFirst = [...ids.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${longestFirst.map((content) => content.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('|')})`, 'u');
  return (text) => text.split(pattern).filter((part) => part !== '').map((part) => ids.get(part) ?? part);
}
