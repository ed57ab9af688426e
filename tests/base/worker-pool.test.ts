import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workersOfThisMachine, type WorkerPool } from '../../src/base/worker-pool.node.js';
import { useCompiled } from '../support/compiled.js';
import type { Answered } from './_pool-worker.js';

type PoolModule = typeof import('../../src/base/worker-pool.node.js');

const compiled = useCompiled(['tests/base/_pool-worker.ts']);
const folder = mkdtempSync(join(tmpdir(), 'melstrom-pool-'));
let openWorkerPool: PoolModule['openWorkerPool'];
let file: URL;
let pool: WorkerPool;
beforeAll(async () => {
  ({ openWorkerPool } = await compiled.load<PoolModule>('src/base/worker-pool.node.ts'));
  file = compiled.url('tests/base/_pool-worker.ts');
  pool = (await openWorkerPool(file, 2))!;
});
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a pool', () => {
  it('runs tasks in threads of its own, at most as many as were asked for', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, item) => pool.run<Answered>({ numbers: Float32Array.of(item) })));
    expect(answers.map(({ doubled }) => doubled[0])).toEqual(Array.from({ length: 12 }, (_, item) => 2 * item));
    const threads = new Set(answers.map(({ thread }) => thread));
    expect(threads.has(0)).toBe(false);
    expect(threads.size).toBeLessThanOrEqual(2);
  });

  it('moves what it is told to, there and back', async () => {
    const numbers = Float32Array.of(1, 2, 3);
    const { doubled } = await pool.run<Answered>({ numbers }, { transfer: [numbers.buffer] });
    expect(numbers.length).toBe(0);
    expect([...doubled]).toEqual([2, 4, 6]);
  });

  it('throws an error of ours with all its parts, and others as they are', async () => {
    await expect(pool.run({ fail: 'ours' })).rejects.toMatchObject({
      name: 'MelstromError', kind: 'data', exitStatus: 4, message: 'kick.wav: got an empty file, expected a sound. Leave it out.',
    });
    await expect(pool.run({ fail: 'other' })).rejects.toThrow(new TypeError('not a function'));
    expect((await pool.run<Answered>({ numbers: Float32Array.of(4) })).doubled[0]).toBe(8);
  });

  it('lets one signal go with many tasks at once, without a warning of Node', async () => {
    const warnings: string[] = [];
    const hear = ({ name }: Error): number => warnings.push(name);
    process.on('warning', hear);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 12 }, () => pool.run({ numbers: Float32Array.of(6) }, { signal })));
    await new Promise(setImmediate);
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });

  it('ends the thread of a task that is aborted, with the reason of the signal, and goes on', async () => {
    const stop = new AbortController();
    const tasks = Array.from({ length: 4 }, () => pool.run({ isEndless: true }, { signal: stop.signal }));
    setTimeout(() => stop.abort(new Error('Ctrl-C')), 50);
    for (const task of await Promise.allSettled(tasks)) expect(task).toMatchObject({ status: 'rejected', reason: { message: 'Ctrl-C' } });
    await expect(pool.run({}, { signal: stop.signal })).rejects.toThrow('Ctrl-C');
    expect((await pool.run<Answered>({ numbers: Float32Array.of(5) })).doubled[0]).toBe(10);
  });
});

describe('no pool', () => {
  it('is opened for 0 workers, nor for a file that is not there', async () => {
    expect(await openWorkerPool(file, 0)).toBeNull();
    expect(await openWorkerPool(pathToFileURL(join(folder, 'none.js')), 2)).toBeNull();
    expect(await openWorkerPool(new URL('https://localhost/worker.js'), 2)).toBeNull();
  });

  it('is opened for a file that does not run', async () => {
    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, "import './lost-in-the-bundle.js';");
    expect(await openWorkerPool(pathToFileURL(broken), 2)).toBeNull();
  });

  it('is opened for a number of workers that makes no sense, which is an error', async () => {
    await expect(openWorkerPool(file, -1)).rejects.toThrow('workers: got -1, expected an integer in [0, 256]');
    await expect(openWorkerPool(file, 1e6)).rejects.toThrow(/workers: got 1000000/);
  });
});

it('has a worker per core of this machine, and not too many', () => {
  expect(workersOfThisMachine()).toBe(Math.min(16, availableParallelism()));
});

it('does not keep a process alive that leaves its pool open', () => {
  const script = `
    const { openWorkerPool } = await import(${JSON.stringify(compiled.url('src/base/worker-pool.node.ts').href)});
    const pool = await openWorkerPool(new URL(${JSON.stringify(file.href)}), 2);
    await Promise.all([pool.run({}), pool.run({}), pool.run({})]);
    console.log('done');`;
  const program = join(folder, 'program.mjs');
  writeFileSync(program, script);
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 }); // status null when it had to be ended
  expect([stdout, stderr, status]).toEqual(['done\n', '', 0]);
});
