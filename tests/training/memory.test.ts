import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { trainRun } from '../../src/training/train.node.js';
import { useEngine } from '../support/engine.js';
import { tinyConfig, tinyCorpus } from './_tiny-run.js';

useEngine();

const STEPS = { vae: 300, unet: 700 };
const WARM_UP = 50;
const COLLECT_EVERY = 10; // steps between two readings of the process's size
const TIMEOUT_MS = 600_000; // half a minute on an idle machine
const GROWTH_LIMIT_BYTES = 16 * 2 ** 20; // seen: 2 to 7 MB. A leak of one latent per step would be found by the count

setFlagsFromString('--expose-gc');
/** Frees what the collector would free at a time of its own choosing, so that only what is still held is measured. */
const collectGarbage = runInNewContext('gc') as () => void;

describe('memory', () => {
  it(`is flat over ${STEPS.vae + STEPS.unet} steps: as many tensors at each step, and no growth of the process`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'melstrom memory '));
    const training = { validateEvery: 50, checkpointEvery: 150 };
    const config = tinyConfig({
      vae: {
        network: { block_out_channels: [4], down_block_types: ['DownEncoderBlock2D'], up_block_types: ['UpDecoderBlock2D'] },
        loss: { discriminatorWeight: 0.5, discriminatorStartStep: 20 }, discriminator: { channels: 8, layers: 1 },
        training: { ...training, steps: STEPS.vae },
      },
      unet: { network: { block_out_channels: [4], mid_block_type: null, down_block_types: ['DownBlock2D'], up_block_types: ['UpBlock2D'] }, training: { ...training, steps: STEPS.unet } },
    });
    const counts = new Map<string, Set<number>>();
    const resident = new Map<string, number[]>();
    try {
      await trainRun({
        config, corpus: tinyCorpus(config), runFolder: folder, stage: 'all', resume: false,
        reporter: {
          ...silentReporter,
          startProgress: (title) => ({
            update: (done) => {
              if (!title.startsWith('training') || done <= WARM_UP) return;
              counts.set(title, (counts.get(title) ?? new Set()).add(tf.memory().numTensors));
              if (done % COLLECT_EVERY !== 0) return;
              collectGarbage();
              resident.set(title, [...(resident.get(title) ?? []), process.memoryUsage.rss()]);
            },
            end: () => undefined,
          }),
        },
      });
      expect([...counts.keys()]).toEqual(['training vae', 'training unet']);
      for (const [title, seen] of counts) expect([...seen], title).toHaveLength(1);
      for (const [title, sizes] of resident) {
        const lowest = (from: number): number => Math.min(...sizes.slice(from, from + 10));
        expect(lowest(sizes.length - 10) - lowest(0), title).toBeLessThan(GROWTH_LIMIT_BYTES);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, TIMEOUT_MS);
});
