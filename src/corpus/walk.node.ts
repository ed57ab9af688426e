// Finds the sounds under a folder, in an order that no file system decides. Opens none of them.
import { readdirSync, realpathSync, statSync, type Dirent, type Stats } from 'node:fs';
import { extname, join } from 'node:path';
import { AUDIO_EXTENSIONS } from '../audio/decode.node.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { compareNames, type BadFile } from './corpus-file.js';

/** Endings taken for sound; everything else under a folder is counted and left alone. */
const SOUND_ENDINGS: ReadonlySet<string> = new Set(AUDIO_EXTENSIONS);

export interface FoundFile {
  readonly path: string;
  /** Path under the root, forward slashes, Unicode composed (NFC) so that a Mac and a Linux agree on it. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface WalkResult {
  readonly files: readonly FoundFile[];
  /** Links to nothing and folders that may not be read. */
  readonly bad: readonly BadFile[];
  readonly otherFileCount: number;
}

/**
 * Lists sounds under a folder. Links are followed, a loop of links only once; names that start with a dot are left out.
 *
 * @throws MelstromError of kind 'data' when the folder itself cannot be read
 */
export function walkSounds(root: string): WalkResult {
  const files: FoundFile[] = [];
  const bad: BadFile[] = [];
  let otherFileCount = 0;
  const visit = (folder: string, prefix: string, above: ReadonlySet<string>): void => {
    for (const entry of entriesOf(folder, prefix, bad)) {
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      const path = join(folder, entry.name);
      const name = `${prefix}${entry.name}`.normalize('NFC');
      const stats = statOf(path, name, bad);
      if (stats === null) continue;
      if (stats.isDirectory()) {
        const real = realpathSync(path);
        if (!above.has(real)) visit(path, `${name}/`, new Set([...above, real]));
      } else if (stats.isFile() && SOUND_ENDINGS.has(extname(name).toLowerCase())) {
        files.push({ path, name, sizeBytes: stats.size, modifiedMs: Math.round(stats.mtimeMs) });
      } else otherFileCount += 1;
    }
  };
  visit(root, '', new Set([requireFolder(root)]));
  files.sort((a, b) => compareNames(a.name, b.name));
  bad.sort((a, b) => compareNames(a.name, b.name));
  return { files, bad, otherFileCount };
}

function requireFolder(root: string): string {
  try {
    readdirSync(root);
    return realpathSync(root);
  } catch (error) {
    throw new MelstromError({ kind: 'data', where: root, got: `a folder that cannot be read (${messageOf(error)})`, expected: 'a folder of sounds', cause: error });
  }
}

function entriesOf(folder: string, prefix: string, bad: BadFile[]): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    bad.push({ name: prefix, error: messageOf(error) });
    return [];
  }
}

function statOf(path: string, name: string, bad: BadFile[]): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    bad.push({ name, error: messageOf(error) });
    return null;
  }
}
