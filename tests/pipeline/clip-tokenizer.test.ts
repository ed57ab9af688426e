// The tokenizer against the reference implementation: the same numbers for any text.
import { describe, expect, it } from 'vitest';
import { createClipTokenizer } from '../../src/pipeline/clip-tokenizer.js';
import { readTokenReference, tokenizerFiles } from './tokenizer-files.js';

const reference = readTokenReference();
const texts = reference.prompts.map(({ text }) => text);

function padded(ids: readonly number[], pad: number): number[] {
  return [...ids, ...Array<number>(reference.length - ids.length).fill(pad)];
}

function rows(ids: Int32Array): number[][] {
  return texts.map((_, row) => [...ids.subarray(row * reference.length, (row + 1) * reference.length)]);
}

const special = (pad: string): string => JSON.stringify({ ...(JSON.parse(new TextDecoder().decode(tokenizerFiles().get('special_tokens_map.json'))) as object), pad_token: pad });

describe.each(['tokenizer', 'tokenizer-json'] as const)('CLIP tokenizer of the folder %s', (folder) => {
  const tokenizer = createClipTokenizer(tokenizerFiles(folder), folder);
  const got = rows(tokenizer.encode(texts, reference.length));

  it.each(reference.prompts.map(({ text, ids }, row) => ({ name: JSON.stringify(text.slice(0, 40)), ids, row })))('gives the same numbers for $name', ({ ids, row }) => {
    expect(got[row]).toEqual(padded(ids, reference.padWith.default));
  });

  it('knows its length and size, and keeps its files', () => {
    expect(tokenizer.length).toBe(reference.length);
    expect(tokenizer.vocabularySize).toBe(reference.padWith.default + 1);
    expect([...tokenizer.files.keys()].toSorted()).toEqual([...tokenizerFiles(folder).keys()].toSorted());
  });
});

describe('CLIP tokenizer', () => {
  it('pads with the token that the map of special tokens names', () => {
    const tokenizer = createClipTokenizer(tokenizerFiles('tokenizer', { 'special_tokens_map.json': special('!') }), 'tokenizer');
    expect(rows(tokenizer.encode(texts, reference.length))).toEqual(reference.prompts.map(({ otherPad }) => padded(otherPad, reference.padWith.other)));
  });

  it('cuts to a shorter length and keeps the end', () => {
    const tokenizer = createClipTokenizer(tokenizerFiles(), 'tokenizer');
    const [start, first] = tokenizer.encode(['kick kick kick'], 8);
    expect([...tokenizer.encode(['kick kick kick'], 4)]).toEqual([start, first, first, reference.padWith.default]);
    expect(() => tokenizer.encode(['kick'], 1)).toThrow('at least 2');
  });

  it('takes tokens that were added to the vocabulary', () => {
    const tokenizer = createClipTokenizer(tokenizerFiles('tokenizer', { 'added_tokens.json': '{"<my-kit>":700}' }), 'tokenizer');
    expect([...tokenizer.encode(['a <My-Kit> a'], 6)].slice(1, 4)).toEqual([320, 700, 320]);
    expect(tokenizer.vocabularySize).toBe(701);
  });

  it('leaves the length open where the files do', () => {
    expect(createClipTokenizer(tokenizerFiles('tokenizer', { 'tokenizer_config.json': '{"model_max_length":1e30}' }), 'tokenizer').length).toBeNull();
    expect(createClipTokenizer(tokenizerFiles('tokenizer', { 'tokenizer_config.json': null }), 'tokenizer').length).toBeNull();
  });

  it.each([
    ['an absent vocabulary', { 'vocab.json': null }, /neither tokenizer.json nor vocab.json/],
    ['absent merges', { 'merges.txt': null }, /no merges.txt/],
    ['a damaged file', { 'vocab.json': '{' }, /tokenizer\/vocab.json: got no JSON/],
    ['a merge of three', { 'merges.txt': 'a b c' }, /the merge "a b c"/],
    ['another tokenizer', { 'tokenizer_config.json': '{"tokenizer_class":"T5Tokenizer"}' }, /tokenizer_class: got "T5Tokenizer", expected one of CLIPTokenizer/],
    ['a special token without a number', { 'special_tokens_map.json': special('<pad>') }, /no number for the special token <pad>/],
    ['a token with rules of its own', { 'special_tokens_map.json': '{"pad_token":{"content":"!","lstrip":true}}' }, /special_tokens_map.json: pad_token/],
  ])('refuses %s', (_, changes: Record<string, string | null>, message) => {
    expect(() => createClipTokenizer(tokenizerFiles('tokenizer', changes), 'tokenizer')).toThrow(message);
  });
});
