// Reads a folder laid out for a listening test: a sub-folder for each condition, in each the same file names. Decodes nothing.
import { readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { AUDIO_EXTENSIONS } from '../../audio/decode.node.js';
import { MelstromError, messageOf } from '../../base/errors.js';
import { HIDDEN_REFERENCE, REFERENCE, type TestKind } from './listening-test.js';

/** How the files of two conditions belong together: by equal names, or, for generated clips, the first with the first. */
export type Pairing = 'name' | 'order';

export interface FolderItem {
  readonly name: string;
  /** Condition → file, `reference` among them where there is one. */
  readonly files: ReadonlyMap<string, string>;
}

export interface TestFolder {
  /** Without the reference. */
  readonly conditions: readonly string[];
  readonly hasReference: boolean;
  readonly items: readonly FolderItem[];
}

const LAYOUT = `sub-folders that hold the same file names: one for each condition, and '${REFERENCE}' for the originals`;

/**
 * @throws MelstromError of kind 'data' that says what the folder lacks
 */
export function readTestFolder(root: string, pairing: Pairing): TestFolder {
  const folders = entriesOf(root).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name).sort();
  const conditions = folders.filter((name) => name !== REFERENCE && soundsIn(join(root, name)).length > 0);
  const hasReference = folders.includes(REFERENCE);
  if (conditions.length === 0) {
    const loose = soundsIn(root).length;
    throw wrong(root, loose > 0 ? `${loose} sounds and no sub-folder with others` : 'no sub-folder with sounds', LAYOUT, 'Sort the sounds into folders named after what made them.');
  }
  const reserved = conditions.find((name) => name === HIDDEN_REFERENCE || /^anchor [\d.]+ kHz$/.test(name));
  if (reserved !== undefined) throw wrong(join(root, reserved), 'a name that is kept for what the test adds itself', 'another name');
  const all = hasReference ? [REFERENCE, ...conditions] : conditions;
  const sounds = all.map((condition) => ({ condition, files: soundsIn(join(root, condition)) }));
  return { conditions, hasReference, items: pairing === 'order' ? pairByOrder(root, sounds) : pairByName(root, sounds) };
}

interface ConditionFiles {
  readonly condition: string;
  readonly files: readonly string[];
}

function pairByName(root: string, sounds: readonly ConditionFiles[]): FolderItem[] {
  const byStem = sounds.map(({ condition, files }) => {
    const stems = new Map<string, string>();
    for (const file of files) {
      const stem = stemOf(file);
      const twin = stems.get(stem);
      if (twin !== undefined) throw wrong(join(root, condition), `'${twin}' and '${file}'`, 'one file of a name');
      stems.set(stem, file);
    }
    return { condition, stems };
  });
  const [first, ...others] = byStem;
  for (const other of others) {
    const lacking = [...first.stems.keys()].find((stem) => !other.stems.has(stem));
    const extra = [...other.stems.keys()].find((stem) => !first.stems.has(stem));
    const [where, name, there] = lacking === undefined ? [first.condition, extra, other.condition] : [other.condition, lacking, first.condition];
    if (name === undefined) continue;
    throw wrong(join(root, where), `no sound named '${name}', which '${there}' has`, 'the same file names in every folder', 'Add or remove it; for generated clips without an original, --pair-by order takes the files in the order of their names.');
  }
  return [...first.stems.keys()].map((name) => ({ name, files: new Map(byStem.map(({ condition, stems }) => [condition, join(root, condition, stems.get(name)!)])) }));
}

function pairByOrder(root: string, sounds: readonly ConditionFiles[]): FolderItem[] {
  const uneven = sounds.find(({ files }) => files.length !== sounds[0].files.length);
  if (uneven !== undefined) throw wrong(join(root, uneven.condition), `${uneven.files.length} sounds`, `${sounds[0].files.length}, as '${sounds[0].condition}' has`, 'Remove the surplus.');
  return sounds[0].files.map((_, index) => ({ name: `pair ${index + 1}`, files: new Map(sounds.map(({ condition, files }) => [condition, join(root, condition, files[index])])) }));
}

/** The kind of test that a folder is for when none is asked for: MUSHRA with a reference, preference without. */
export function defaultKind({ hasReference }: TestFolder): TestKind {
  return hasReference ? 'mushra' : 'preference';
}

/** @throws MelstromError when the folder lacks what the kind of test needs */
export function requireFit(root: string, kind: TestKind, { conditions, hasReference }: TestFolder): void {
  if (kind === 'mushra' && !hasReference) throw wrong(root, `no folder '${REFERENCE}'`, 'the originals in it, since MUSHRA rates against them', 'Add it, or use --test preference, which needs none.');
  if (kind === 'mushra' && conditions.length > 9) throw wrong(root, `${conditions.length} conditions`, 'at most 9, with which a trial has the 12 sounds that BS.1534 allows', 'Split the test.');
  if (kind === 'preference' && conditions.length < 2) throw wrong(root, `one condition ('${conditions[0]}')`, 'two or more to compare');
  if (kind === 'abx' && conditions.length < 2 && !hasReference) throw wrong(root, `one condition ('${conditions[0]}')`, `a second one, or '${REFERENCE}'`);
}

function stemOf(file: string): string {
  return basename(file, extname(file)).normalize('NFC');
}

function soundsIn(folder: string): string[] {
  return entriesOf(folder).filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && AUDIO_EXTENSIONS.includes(extname(entry.name).toLowerCase())).map(({ name }) => name).sort();
}

function entriesOf(folder: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(folder);
  } catch (cause) {
    throw wrong(folder, `a folder that can't be read (${messageOf(cause)})`, LAYOUT);
  }
}

function readEntries(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}

function wrong(where: string, got: string, expected: string, fix?: string): MelstromError {
  return new MelstromError({ kind: 'data', where, got, expected, fix });
}
