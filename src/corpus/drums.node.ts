// Makes a corpus of real drum hits from public packages: fetches, labels and lists them in a manifest.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { openAudio } from '../audio/decode.node.js';
import { refuseExisting } from '../audio/write-whole.node.js';
import { messageOf } from '../base/errors.js';
import { silentReporter, type Reporter } from '../base/logger.js';
import { compareNames, type BadFile } from './corpus-file.js';
import { drumLabel, instrumentNames } from './drum-labels.js';
import { DRUM_PACKAGES, fetchDrumPackage } from './drum-packages.node.js';
import { contentHash } from './scan.node.js';
import { guardWrite } from './slice-store.node.js';
import { walkSounds } from './walk.node.js';

export { MAIN_DRUM_LABELS } from './drum-labels.js';

/** What was made. */
export interface DrumCorpus {
  /** Path of the manifest: columns path, label, split (empty), group (the kit), text, source. */
  readonly manifest: string;
  readonly fileCount: number;
  readonly labelCounts: Readonly<Record<string, number>>;
  readonly kits: readonly string[];
  /** Sounds that are no labelled drum hit, and copies of one that is listed. */
  readonly unlabelledCount: number;
  readonly duplicateCount: number;
  /** Hits in a coding that cannot be read, left out. */
  readonly unreadable: readonly BadFile[];
}

const MANIFEST = 'manifest.csv';
const SOURCES = 'SOURCES.txt';

interface Hit {
  readonly path: string;
  readonly label: string;
  readonly kit: string;
  readonly text: string;
  readonly source: string;
}

/**
 * Fetches real drum hits, about 190 MB in five packages, into a folder, and writes `manifest.csv` there. What a stopped
 * run has fetched is not fetched again.
 *
 * @param options.force replaces a manifest that is already there. Default false
 * @throws MelstromError of kind 'usage' when a manifest is already there; of kind 'data': a package that cannot be had, a download that
 * is damaged, a folder that cannot be written
 */
export async function fetchDrumCorpus(folder: string, { reporter = silentReporter, force = false }: { readonly reporter?: Reporter; readonly force?: boolean } = {}): Promise<DrumCorpus> {
  if (!force) for (const name of [MANIFEST, SOURCES]) await refuseExisting(join(folder, name));
  await mkdir(folder, { recursive: true });
  const progress = reporter.startProgress('fetch drums', DRUM_PACKAGES.length, 'packages');
  try {
    for (const [index, drumPackage] of DRUM_PACKAGES.entries()) {
      await fetchDrumPackage(folder, drumPackage);
      progress.update(index + 1, { package: drumPackage.name });
    }
  } finally {
    progress.end();
  }
  await rm(join(folder, '.downloads'), { recursive: true, force: true });
  return writeManifest(folder);
}

/** Labels what has been fetched and writes the manifest and a list of sources. */
async function writeManifest(folder: string): Promise<DrumCorpus> {
  const names = new Map<string, Map<string, string>>();
  const seen = new Set<string>();
  const hits: Hit[] = [];
  const unreadable: BadFile[] = [];
  let unlabelledCount = 0;
  let duplicateCount = 0;
  for (const { name: source } of DRUM_PACKAGES) {
    for (const { path, name, sizeBytes } of walkSounds(join(folder, source)).files) {
      const hit = sizeBytes === 0 ? null : describeHit(source, { path, name }, names);
      const hash = hit === null ? null : contentHash(path);
      if (hit === null || hash === null) unlabelledCount += 1;
      else if (seen.has(hash)) duplicateCount += 1;
      else {
        seen.add(hash);
        const problem = await openingProblem(path);
        if (problem === null) hits.push(hit);
        else unreadable.push({ name: `${source}/${name}`, error: problem });
      }
    }
  }
  const rows = hits.map(({ path, label, kit, text, source }) => ({ path: relative(folder, path).replaceAll('\\', '/'), label, split: '', group: kit, text, source }));
  const manifest = join(folder, MANIFEST);
  guardWrite(manifest, () => writeFileSync(`${manifest}.partial`, stringify(rows, { header: true })));
  await rename(`${manifest}.partial`, manifest);
  guardWrite(folder, () => writeFileSync(join(folder, SOURCES), sourcesText()));
  const labelCounts: Record<string, number> = {};
  for (const { label } of hits) labelCounts[label] = (labelCounts[label] ?? 0) + 1;
  return { manifest, fileCount: hits.length, labelCounts, kits: [...new Set(hits.map(({ kit }) => kit))].sort(compareNames), unlabelledCount, duplicateCount, unreadable };
}

async function openingProblem(path: string): Promise<string | null> {
  try {
    await (await openAudio(path)).close();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function sourcesText(): string {
  return `${DRUM_PACKAGES.map(({ name, registry, terms }) => `${name} (${registry}): ${terms}; see ${name}/LICENCE.txt`).join('\n')}\n`;
}

interface SoundFile {
  readonly path: string;
  /** Path under the package's folder. */
  readonly name: string;
}

function describeHit(source: string, { path, name }: SoundFile, kits: Map<string, Map<string, string>>): Hit | null {
  const stem = basename(name, extname(name));
  if (source === 'supersonic-scsynth-samples') return describeSupersonic(path, stem, source);
  if (source === 'lmms-common' || source === 'chuck-data') {
    const label = drumLabel(stem.replace(/[_\d]+$/, ''));
    return label === null ? null : { path, label, kit: source === 'lmms-common' ? 'lmms' : 'chuck', text: stem.replaceAll('_', ' '), source };
  }
  const kit = name.split('/')[0];
  const folder = path.slice(0, path.length - basename(name).length);
  const instrument = namesOfKit(folder, kits).get(basename(path)) ?? '';
  const label = drumLabel(instrument) ?? drumLabel(stem);
  return label === null ? null : { path, label, kit, text: instrument === '' ? stem : instrument, source };
}

/** One of them stands there twice, as FLAC and as AIFF. */
const SUPERSONIC_ENDING = '.flac';
/** Kits of the supersonic samples are its families of names; ambience, loops and basses are no hits. */
const SUPERSONIC_FAMILIES: Readonly<Record<string, string | null>> = { bd: 'kick', sn: 'snare', hat: 'closed-hat', ride: 'ride', tabla: 'hand-drum', drum: null, elec: null, perc: null };

function describeSupersonic(path: string, stem: string, source: string): Hit | null {
  const [family] = stem.split('_');
  if (!Object.hasOwn(SUPERSONIC_FAMILIES, family) || !path.endsWith(SUPERSONIC_ENDING)) return null;
  const label = SUPERSONIC_FAMILIES[family] ?? drumLabel(stem.slice(family.length + 1)) ?? drumLabel(stem);
  return label === null ? null : { path, label, kit: `supersonic ${family}`, text: stem.replaceAll('_', ' '), source };
}

function namesOfKit(folder: string, kits: Map<string, Map<string, string>>): Map<string, string> {
  const known = kits.get(folder);
  if (known !== undefined) return known;
  const path = join(folder, 'drumkit.xml');
  const names = statSync(path, { throwIfNoEntry: false }) === undefined ? new Map<string, string>() : instrumentNames(readFileSync(path, 'utf8'));
  kits.set(folder, names);
  return names;
}
