// The set-up where something is missing: it must say why and how to get it, leave nothing half done, and bear two at once.
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { cacheFolder, fillFolder, folderBytes, tensorflowFolder } from '../../src/engine/setup/cache.node.js';
import { withoutInformation } from '../../src/engine/setup/log-capture.js';
import { withSetUpLock } from '../../src/engine/setup/set-up-lock.node.js';
import { setUpEngine, type SetUpResult } from '../../src/engine/setup/set-up.node.js';
import { useTemporaryCache, type TemporaryCache } from './temporary-cache.js';

const PYTHON_WITH_PIP = `case "$*" in
  *sys.version_info*) echo "Python 3.11.0";;
  *"pip --version"*) echo "pip 23.0 from nowhere";;
  *) @DOWNLOAD@;;
esac`;

let cache: TemporaryCache;
beforeEach(() => {
  cache = useTemporaryCache();
});
afterEach(() => cache.remove());

const setUp = (): Promise<SetUpResult> => setUpEngine({ engine: 'tensorflow', force: false, reporter: silentReporter });
const onLinux = process.platform === 'linux' && process.arch === 'x64';

describe.runIf(onLinux)('setUpEngine (skipped elsewhere: only Linux on x64 has a native engine)', () => {
  it('names a missing compiler and the command that installs it', async () => {
    const { isReady, message } = await setUp();
    expect(isReady).toBe(false);
    expect(message).toContain('no C++ compiler was found');
    expect(message).toContain('apt install g++');
    expect(message).toContain('wasm engine');
    expect(message).not.toContain('\n');
  });

  it('names a missing Python, and a Python without pip', async () => {
    cache.addProgram('g++', 'echo g++ 12');
    expect((await setUp()).message).toContain('Python 3 was not found');
    cache.addProgram('python3', 'case "$*" in *sys.version_info*) echo "Python 3.11.0";; *) exit 1;; esac');
    expect((await setUp()).message).toContain('Python 3.11.0 has no pip');
  });

  it('passes on why pip could not download, and leaves nothing behind', async () => {
    cache.addProgram('g++', 'echo g++ 12');
    cache.addProgram('python3', PYTHON_WITH_PIP.replace('@DOWNLOAD@', 'echo "ERROR: Could not connect to the index" >&2; exit 1'));
    const { isReady, message } = await setUp();
    expect(isReady).toBe(false);
    expect(message).toContain('Could not connect to the index');
    expect(existsSync(tensorflowFolder('tensorflow'))).toBe(false);
    expect(readdirSync(join(cacheFolder(), 'tmp'))).toEqual([]);
  });

  it('refuses a download that is not the pinned file', async () => {
    cache.addProgram('g++', 'echo g++ 12');
    const script = 'while [ "$1" != "--dest" ]; do shift; done; echo other > "$2/tensorflow_cpu.whl"';
    cache.addProgram('python3', PYTHON_WITH_PIP.replace('@DOWNLOAD@', script));
    expect((await setUp()).message).toMatch(/is not the expected file \(sha256 [0-9a-f]{64}, expected 2b847d21/);
    expect(existsSync(tensorflowFolder('tensorflow'))).toBe(false);
  });

  it('names a cache folder that can not be written', async () => {
    writeFileSync(join(cache.folder, 'file'), '');
    process.env.MELSTROM_CACHE = join(cache.folder, 'file', 'cache');
    const { isReady, message } = await setUp();
    expect(isReady).toBe(false);
    expect(message).toContain('MELSTROM_CACHE');
  });

  it('clears what an interrupted set-up left', async () => {
    const left = join(cacheFolder(), 'tmp', 'left');
    mkdirSync(left, { recursive: true });
    await setUp();
    expect(existsSync(left)).toBe(false);
  });
});

describe('fillFolder', () => {
  it('shows the folder only when it is whole', async () => {
    const folder = join(cacheFolder(), 'part', 'one');
    const failing = fillFolder(folder, async (temporary) => {
      writeFileSync(join(temporary, 'half'), 'x');
      throw new Error('interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    expect(existsSync(folder)).toBe(false);
    await fillFolder(folder, async (temporary) => writeFileSync(join(temporary, 'whole'), 'abc'));
    expect(readdirSync(folder)).toEqual(['whole']);
    expect(await folderBytes(folder)).toBe(3);
  });
});

describe('withSetUpLock', () => {
  it('lets one at a time work', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((settle) => setTimeout(settle, 50));
      inside -= 1;
    };
    await Promise.all([withSetUpLock(silentReporter, work), withSetUpLock(silentReporter, work)]);
    expect(most).toBe(1);
    expect(existsSync(join(cacheFolder(), 'set-up.lock'))).toBe(false);
  });

  it('is free again after a failure', async () => {
    await expect(withSetUpLock(silentReporter, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withSetUpLock(silentReporter, () => Promise.resolve(1))).toBe(1);
  });

  it.each([
    ['a dead process of this machine', { pid: 2 ** 22 + 1, host: hostname() }, 0],
    ['a process elsewhere that has long been silent', { pid: 1, host: 'elsewhere' }, 120],
  ])('takes over from %s', async (_what, holder, silentSeconds) => {
    mkdirSync(cacheFolder(), { recursive: true });
    const path = join(cacheFolder(), 'set-up.lock');
    writeFileSync(path, JSON.stringify(holder));
    const beat = new Date(Date.now() - silentSeconds * 1000);
    utimesSync(path, beat, beat);
    expect(await withSetUpLock(silentReporter, () => Promise.resolve('done'))).toBe('done');
  });
});

describe('withoutInformation', () => {
  it('keeps warnings and errors alone', () => {
    const log = [
      'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR',
      'I0000 00:00:1.2 9 port.cc:153] oneDNN custom operations are on.',
      '2026-01-01 10:00:00.1: I tensorflow/core/x.cc:1] This build uses few instructions.',
      'To enable more, rebuild TensorFlow.',
      'E0000 00:00:1.2 9 cuda_platform.cc:52] failed call to cuInit',
      'second line of it',
    ].join('\n');
    expect(withoutInformation(log)).toBe('E0000 00:00:1.2 9 cuda_platform.cc:52] failed call to cuInit\nsecond line of it');
  });
});
