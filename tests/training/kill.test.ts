import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { createRandom } from '../../src/base/random.js';
import { loadPipeline } from '../../src/pipeline/folder.node.js';
import { loadLatestCheckpoint, readCheckpoint } from '../../src/training/checkpoint-store.node.js';
import { trainRun } from '../../src/training/train.node.js';
import { startEngine } from '../../src/engine/start.node.js';
import { KILL_TEST_CONFIG, tinyConfig, tinyCorpus } from './_tiny-run.js';
import { transpileForChild } from './_transpile.js';

const KILLS = 20;
const ENGINE = 'wasm'; // starts the quickest; what is tested is the disk
const TIMEOUT_MS = 600_000; // half a minute on an idle machine
const LONGEST_LIFE_MS = 250;

let code: string;
let root: string;
beforeAll(async () => {
  await startEngine(ENGINE);
  code = transpileForChild(['tests/training/_train-child.ts', 'tests/training/_tiny-run.ts']);
  root = mkdtempSync(join(tmpdir(), 'melstrom kill '));
});
afterAll(() => {
  rmSync(code, { recursive: true, force: true });
  rmSync(root, { recursive: true, force: true });
});

interface Life {
  readonly resumedAt: number | null;
  readonly lastStep: number;
  readonly output: string;
}

/** Starts a training process and kills it some time after its first step. */
function liveAndDie(runFolder: string, lifeMs: number): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(code, 'tests/training/_train-child.js'), runFolder, ENGINE], {
      env: { ...process.env, NODE_COMPILE_CACHE: join(code, 'compiled') }, // a quicker start, on Node 22 and later
    });
    let output = '';
    let isDoomed = false;
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (isDoomed || !/^step \d+/m.test(output)) return;
      isDoomed = true;
      setTimeout(() => child.kill('SIGKILL'), lifeMs);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('close', () => {
      const resumed = /resumed at step (\d+)/.exec(output);
      const steps = [...output.matchAll(/^step (\d+)$/gm)].map((match) => Number(match[1]));
      resolve({ resumedAt: resumed ? Number(resumed[1]) : null, lastStep: steps.at(-1) ?? -1, output });
    });
  });
}

/** Kills a run again and again at random moments, and returns the step of the last checkpoint. */
async function killRepeatedly(folder: string, kills: number, seed: number): Promise<number> {
  const random = createRandom(seed, 'kills', folder);
  let saved = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const life = await liveAndDie(folder, random.uniform() * LONGEST_LIFE_MS);
    expect(life.lastStep, life.output).toBeGreaterThan(0);
    expect(life.output).not.toContain('warning');
    if (saved > 0) expect(life.resumedAt, life.output).toBeGreaterThanOrEqual(saved);
    const latest = await loadLatestCheckpoint(join(folder, 'state', 'vae'), silentReporter.log);
    expect(latest?.step ?? 0).toBeGreaterThanOrEqual(life.lastStep - 1);
    saved = latest?.step ?? 0;
  }
  return saved;
}

/** The same run, never killed and saved once, at a step. */
async function trainStraight(folder: string, step: number): Promise<void> {
  const controller = new AbortController();
  const config = tinyConfig({ vae: { training: { ...KILL_TEST_CONFIG.vae.training, checkpointEvery: 1_000_000 } } });
  await trainRun({
    config, corpus: tinyCorpus(config), runFolder: folder, stage: 'vae', resume: false, signal: controller.signal,
    reporter: { ...silentReporter, startProgress: () => ({ update: (done) => done === step && controller.abort(), end: () => undefined }) },
  });
}

describe('kill -9', () => {
  it(`at ${KILLS} random moments never leaves a run that cannot resume, and the weights are those of a run that was left alone`, async () => {
    const [one, two] = [join(root, 'one'), join(root, 'two')];
    const [saved] = await Promise.all([one, two].map((folder) => killRepeatedly(folder, KILLS / 2, Date.now())));
    expect(saved).toBeGreaterThan(0);
    const straight = join(root, 'straight');
    await trainStraight(straight, saved);
    const [killed, whole] = await Promise.all([one, straight].map((run) => readCheckpoint(join(run, 'state', 'vae', `step-${saved}`))));
    expect([...killed.files.keys()]).toEqual([...whole.files.keys()]);
    for (const [name, bytes] of killed.files) expect(Buffer.from(bytes).equals(Buffer.from(whole.files.get(name)!)), name).toBe(true);
    for (const folder of [one, two]) {
      // The kill may have come between a checkpoint and its pipeline: resuming, even for no step, mends that.
      const life = await liveAndDie(folder, 0);
      expect(life.resumedAt).not.toBeNull();
      (await loadPipeline(join(folder, 'pipeline'))).dispose();
    }
  }, TIMEOUT_MS);
});
