// Threads change nothing but the time: caches, reports and errors are the same for any number of them.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workersOfThisMachine } from '../../src/base/worker-pool.node.js';
import { threadsFor } from '../../src/corpus/threads-for.node.js';
import { useCompiled } from '../support/compiled.js';
import { sine, temporaryFolder, testConfig, wavBytes, writeLabelled, writeSound } from './sounds.js';

type PrepareModule = typeof import('../../src/corpus/prepare.node.js');
type InspectModule = typeof import('../../src/corpus/inspect.node.js');

const COMPRESSED = ['chirp.flac', 'chirp-24.flac', 'chirp-flac.oga', 'chirp.mp3', 'chirp-mono.ogg', 'chirp.opus', 'chirp.aiff'];
const NUMBERS = [0, 1, 3];

const compiled = useCompiled();
const root = temporaryFolder();
afterAll(() => rmSync(root, { recursive: true, force: true }));

const sounds = join(root, 'Klänge 🥁');
/** Overlapping slices, so that the long file fills the shared memory many times over. */
const config = (maxBadShare: number) => testConfig(sounds, { sliceHopFrames: 2, minFill: 0, validationShare: 0.2, maxBadShare });
let prepareCorpus: PrepareModule['prepareCorpus'];
let inspectCorpus: InspectModule['inspectCorpus'];

beforeAll(async () => {
  ({ prepareCorpus } = await compiled.load<PrepareModule>('src/corpus/prepare.node.ts'));
  ({ inspectCorpus } = await compiled.load<InspectModule>('src/corpus/inspect.node.ts'));
  writeLabelled(sounds, 4);
  mkdirSync(join(sounds, 'compressed'));
  for (const name of COMPRESSED) copyFileSync(fileURLToPath(new URL(`../audio/fixtures/${name}`, import.meta.url)), join(sounds, 'compressed', name));
  writeSound(sounds, 'low/a long one.wav', sine(60, { hz: 333 }));
  writeSound(sounds, 'low/cut.wav', sine(20));
  truncateSync(join(sounds, 'low/cut.wav'), 200_000); // slices come before it turns out to be bad
  writeFileSync(join(sounds, 'mid/empty.wav'), '');
  writeFileSync(join(sounds, 'mid/text.wav'), 'this is no sound at all, only text');
});

interface Prepared {
  readonly files: readonly (readonly [name: string, bytes: Buffer])[];
  readonly said: readonly string[];
}

async function prepared(workers: number): Promise<Prepared> {
  const cacheFolder = join(root, `cache ${workers}`);
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const reporter = { log: { info: say, warn: say }, startProgress: (title: string, total: number) => ({ update: (done: number, figures?: object) => say(`${title} ${done}/${total} ${JSON.stringify(figures)}`), end: () => say('end') }) };
  (await prepareCorpus({ config: config(0.5), cacheFolder, workers, reporter })).close();
  return { said, files: readdirSync(cacheFolder).sort().map((name) => [name, readFileSync(join(cacheFolder, name))]) };
}

describe('prepare', () => {
  let alone: Prepared;
  beforeAll(async () => {
    alone = await prepared(0);
  });

  it('fills the shared memory more than once', () => {
    const [, [, slices]] = alone.files;
    expect(slices.length).toBeGreaterThan(3 << 20);
  });

  it.each(NUMBERS.slice(1))('with %i threads leaves the same bytes, reports the same bad files and counts the same', async (workers) => {
    const { files, said } = await prepared(workers);
    expect(files.map(([name]) => name)).toEqual(['index.json', 'slices.bin']);
    for (const [index, [name, bytes]] of files.entries()) expect(bytes.equals(alone.files[index][1]), name).toBe(true);
    expect(said).toEqual(alone.said);
    expect(said.join('\n')).toMatch(/3 of 23 files[^]*cut\.wav[^]*empty\.wav[^]*text\.wav/);
  });

  it.each(NUMBERS)('with %i threads stops at too many bad files, all named', async (workers) => {
    const failure = prepareCorpus({ config: config(0), cacheFolder: join(root, 'refused'), workers });
    await expect(failure).rejects.toThrow(/3 of 23 files that cannot be used[^]*cut\.wav[^]*empty\.wav[^]*text\.wav/);
    expect(readdirSync(root).filter((name) => name.startsWith('refused'))).toEqual([]);
  });

  it.each(NUMBERS)('with %i threads leaves nothing behind when stopped on the way', async (workers) => {
    const stop = new AbortController();
    const reporter = { log: { info: () => undefined, warn: () => undefined }, startProgress: () => ({ update: (done: number) => (done === 3 ? stop.abort(new Error('Ctrl-C')) : undefined), end: () => undefined }) };
    await expect(prepareCorpus({ config: config(0.5), cacheFolder: join(root, 'stopped'), workers, reporter, signal: stop.signal })).rejects.toThrow('Ctrl-C');
    expect(readdirSync(root).filter((name) => name.startsWith('stopped'))).toEqual([]);
  });

  it.each(NUMBERS)('with %i threads stops within a long file', async (workers) => {
    const folder = join(root, 'long');
    writeSound(folder, 'one.wav', sine(1200, { hz: 333 }));
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('Ctrl-C')), 30);
    const done: number[] = [];
    const reporter = { log: { info: () => undefined, warn: () => undefined }, startProgress: () => ({ update: (count: number) => void done.push(count), end: () => undefined }) };
    await expect(prepareCorpus({ config: testConfig(folder, { sliceHopFrames: 2 }), cacheFolder: join(root, 'long cache'), workers, reporter, signal: stop.signal })).rejects.toThrow('Ctrl-C');
    expect(done).toEqual([]);
    expect(readdirSync(root).filter((name) => name.startsWith('long cache'))).toEqual([]);
  });

  it('with threads says when the cache cannot be written', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    await expect(prepareCorpus({ config: config(0.5), cacheFolder: join(file, 'cache'), workers: 2 })).rejects.toThrow(/a place that cannot be written/);
  });
});

describe('inspect', () => {
  it.each(NUMBERS.slice(1))('with %i threads reports the same', async (workers) => {
    const reports = await Promise.all([0, workers].map((count) => inspectCorpus({ config: config(0), workers: count })));
    expect(reports[1]).toEqual(reports[0]);
    expect(reports[0].bad.map(({ name }) => name)).toEqual(['low/cut.wav', 'mid/empty.wav', 'mid/text.wav']);
  });

  it('with threads stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort(new Error('Ctrl-C'));
    await expect(inspectCorpus({ config: config(0), workers: 2, signal: stop.signal })).rejects.toThrow('Ctrl-C');
  });
});

describe('threadsFor', () => {
  const files = (count: number, sizeBytes: number) => Array.from({ length: count }, () => ({ sizeBytes }));

  it('starts none where there is little to do, else one per core at most', () => {
    expect(threadsFor(files(100, wavBytes(sine(0.1)).length))).toBe(0);
    expect(threadsFor(files(1, 1e9))).toBe(0);
    expect(threadsFor(files(1000, 1e6))).toBe(workersOfThisMachine());
    expect(threadsFor(files(2, 1e9))).toBe(Math.min(2, workersOfThisMachine()));
  });
});
