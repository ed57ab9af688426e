// The small tokenizer of the fixtures, and what the reference makes of awkward prompts with it.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';

const FIXTURES = new URL('fixtures/', import.meta.url);

export interface TokenCase {
  readonly text: string;
  /** Without the padding but for one token of it. */
  readonly ids: number[];
  /** The same where `!` pads. */
  readonly otherPad: number[];
}

export interface TokenReference {
  readonly length: number;
  readonly padWith: { readonly default: number; readonly other: number };
  readonly prompts: TokenCase[];
}

/** Reads the fixture and checks it against its checksum. */
export function readTokenReference(): TokenReference {
  const text = readFileSync(new URL('token-ids.json', FIXTURES), 'utf8');
  const sum = createHash('sha256').update(text).digest('hex');
  if (sum !== readFileSync(new URL('token-ids.json.sha256', FIXTURES), 'utf8').trim()) throw new Error('token-ids.json does not match its checksum: run generate-tokenizer.py');
  return JSON.parse(text) as TokenReference;
}

/** The files of one of the fixture's folders by name; texts in `changes` go in their place, null takes a file out. */
export function tokenizerFiles(folder: 'tokenizer' | 'tokenizer-json' = 'tokenizer', changes: Readonly<Record<string, string | null>> = {}): Map<string, Uint8Array> {
  const place = new URL(`${folder}/`, FIXTURES);
  const files = new Map<string, Uint8Array>(readdirSync(place).map((name) => [name, readFileSync(new URL(name, place))]));
  for (const [name, text] of Object.entries(changes)) {
    if (text === null) files.delete(name);
    else files.set(name, new TextEncoder().encode(text));
  }
  return files;
}
