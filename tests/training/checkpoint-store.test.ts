import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { listCheckpoints, loadLatestCheckpoint, saveCheckpoint } from '../../src/training/checkpoint-store.node.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom state 🥁 '));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { log } = silentReporter;
const bytes = (step: number): Uint8Array => Uint8Array.from({ length: 100 }, (_, index) => (index * step) % 256);
const save = (step: number, keep = 2) => saveCheckpoint(folder, { step, files: new Map([['weights', bytes(step)]]), meta: { step } }, { keep, log });

function fullDisk(afterFiles: number): (path: string, content: Uint8Array) => Promise<void> {
  let written = 0;
  return async (path, content) => {
    if (written >= afterFiles) {
      writeFileSync(path, content.subarray(0, 10));
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    written += 1;
    writeFileSync(path, content);
  };
}

describe('checkpoints', () => {
  it('come back as they were saved, the latest ones only', async () => {
    for (const step of [5, 10, 100]) await save(step);
    expect(await listCheckpoints(folder)).toEqual([100, 10]);
    const loaded = await loadLatestCheckpoint(folder, log);
    expect(loaded?.step).toBe(100);
    expect(loaded?.meta).toEqual({ step: 100 });
    expect(Uint8Array.from(loaded!.files.get('weights')!)).toEqual(bytes(100));
  });

  it('are absent in a folder that is absent or empty', async () => {
    expect(await loadLatestCheckpoint(folder, log)).toBeNull();
    expect(await loadLatestCheckpoint(join(folder, 'none'), log)).toBeNull();
  });

  it.each([
    ['cut short', (path: string) => truncateSync(join(path, 'weights'), 50), /50 bytes, expected 100/],
    ['changed by one bit', (path: string) => writeFileSync(join(path, 'weights'), bytes(10).map((value, index) => (index === 3 ? value ^ 1 : value))), /sha256/],
    ['without a file', (path: string) => rmSync(join(path, 'weights')), /weights.*ENOENT/],
    ['without its list', (path: string) => rmSync(join(path, 'checkpoint.json')), /checkpoint\.json/],
    ['with half a list', (path: string) => truncateSync(join(path, 'checkpoint.json'), 20), /JSON/],
    ['with an empty list', (path: string) => writeFileSync(join(path, 'checkpoint.json'), '{}'), /step, meta and files/],
  ])('%s are named and passed by', async (_, damage, reason) => {
    await save(5);
    const path = await save(10);
    damage(path);
    const warnings: string[] = [];
    const loaded = await loadLatestCheckpoint(folder, { ...log, warn: (message) => void warnings.push(message) });
    expect(loaded?.step).toBe(5);
    expect(warnings).toEqual([expect.stringMatching(reason)]);
    await save(6, 1); // training goes on from step 5
    expect(await listCheckpoints(folder)).toEqual([6]);
  });

  it.each([0, 1])('survive a full disk: after %i files the error is clear, the last one stays, nothing temporary is left', async (afterFiles) => {
    await save(5);
    const failing = saveCheckpoint(folder, { step: 10, files: new Map([['weights', bytes(10)]]), meta: {} }, { keep: 1, log, write: fullDisk(afterFiles) });
    await expect(failing).rejects.toMatchObject({ kind: 'checkpoint', message: expect.stringMatching(/step-10: got a full disk .*step-5 stays/) as unknown });
    expect(readdirSync(folder)).toEqual(['step-5']);
    expect((await loadLatestCheckpoint(folder, log))?.step).toBe(5);
  });

  it('clear away what a killed save has left', async () => {
    mkdirSync(join(folder, '.step-7.1f-18f.tmp'));
    writeFileSync(join(folder, '.step-7.1f-18f.tmp', 'weights'), 'half');
    await save(8);
    expect(readdirSync(folder)).toEqual(['step-8']);
  });

  it('list a sha256 per file', async () => {
    const path = await save(5);
    const { files } = JSON.parse(readFileSync(join(path, 'checkpoint.json'), 'utf8')) as { files: Record<string, { sha256: string; bytes: number }> };
    expect(files.weights.bytes).toBe(100);
    expect(files.weights.sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
