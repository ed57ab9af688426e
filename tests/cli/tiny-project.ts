// A folder as a user has it: sounds under labels with awkward names, and a configuration of tiny networks.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { stringify } from 'yaml';
import { sine, writeSound } from '../corpus/sounds.js';
import { startTestEngine } from '../support/engine.js';
import { merged } from '../training/_tiny-run.js';

export const TINY_LABELS = ["cloche d'été", 'grosse Trommel 🥁'];

export interface TinyProject {
  readonly root: string;
  readonly sounds: string;
  readonly config: string;
}

const TRAINING = { steps: 4, batchSize: 2, warmupSteps: 1, validateEvery: 2, previewEvery: 4, checkpointEvery: 2 };

const CONFIG = {
  seed: 3,
  corpus: { path: 'Klänge é 🎵', validationShare: 0.25 },
  mel: { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 8, frames: 16, minHz: 20, maxHz: 4000 },
  vae: {
    network: { down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'], up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'], block_out_channels: [4, 8], latent_channels: 2, norm_num_groups: 2, mid_block_add_attention: false },
    training: TRAINING,
  },
  unet: {
    network: { down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'], block_out_channels: [4, 8], layers_per_block: 1, norm_num_groups: 2, attention_head_dim: 4 },
    training: TRAINING,
  },
  generation: { steps: 2, griffinLimIterations: 2 },
};

/** Makes the project before the tests of a file and removes it after them. Caches go into it too, once the engine is started. */
export function useTinyProject(over: Record<string, unknown> = {}): TinyProject {
  const project = { root: '', sounds: '', config: '' };
  const kept = process.env.MELSTROM_CACHE;
  beforeAll(async () => {
    Object.assign(project, createTinyProject(over));
    await startTestEngine();
    process.env.MELSTROM_CACHE = join(project.root, 'cache');
  });
  afterAll(() => {
    if (kept === undefined) delete process.env.MELSTROM_CACHE;
    else process.env.MELSTROM_CACHE = kept;
    rmSync(project.root, { recursive: true, force: true });
  });
  return project;
}

function createTinyProject(over: Record<string, unknown>): TinyProject {
  const root = mkdtempSync(join(tmpdir(), 'melstrom Projekt é 🥁 '));
  const sounds = join(root, CONFIG.corpus.path);
  TINY_LABELS.forEach((label, order) => {
    mkdirSync(join(sounds, label), { recursive: true });
    for (let index = 0; index < 4; index += 1) writeSound(sounds, `${label}/É ${index} #100%.wav`, sine(0.12, { hz: 400 * (order + 1) + 11 * index }));
  });
  const config = join(root, 'meine Einstellungen.yaml');
  writeFileSync(config, stringify(merged(CONFIG, over)));
  return { root, sounds, config };
}
