// A text-to-image folder that diffusers saved, drawn as a user types it: the same noise, prompts and scheduler there give the same image.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { melDistance } from '../../src/evaluation/mel-distance.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { decodeMelPng } from '../../src/spectrogram/png.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { expectClose } from '../support/close.js';
import { startTestEngine } from '../support/engine.js';
import { refusal, runCommand, runJson } from './run-command.js';

interface Case {
  readonly name: string;
  readonly scheduler: { readonly _class_name: string };
  /** [B, H, W], low frequencies first. */
  readonly image: { readonly shape: readonly [number, number, number]; readonly data: readonly number[] };
}

interface Drawn {
  readonly prompts: readonly string[];
  readonly negativePrompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  readonly cases: readonly Case[];
}

/** Ten times closer than what is asked, so that starting noise scaled by the first sigma alone (0.2 % less; 5e-4 of the image) is told from noise as each scheduler starts. The PNG rounds by 1.5e-5. */
const TOLERANCE = 1e-4;
const FIXTURES = new URL('../pipeline/fixtures/', import.meta.url);
const text = readFileSync(new URL('drawn.json', FIXTURES), 'utf8');
const { prompts, negativePrompt, seed, steps, guidance, cases } = JSON.parse(text) as Drawn;
const root = mkdtempSync(join(tmpdir(), 'melstrom Bilder é '));
beforeAll(() => startTestEngine());
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The folder of the reference with another scheduler, imported. */
async function imported(name: string, scheduler: object): Promise<string> {
  const [theirs, ours] = [join(root, `${name} theirs`), join(root, `${name} ours`)];
  cpSync(fileURLToPath(new URL('text-to-image', FIXTURES)), theirs, { recursive: true });
  writeFileSync(join(theirs, 'scheduler', 'scheduler_config.json'), JSON.stringify(scheduler));
  const { status, stderr } = await runCommand('import', theirs, '--out', ours);
  expect(status, stderr).toBe(0);
  return ours;
}

const asked = [...prompts.flatMap((prompt) => ['--prompt', prompt]), '--seed', String(seed), '--steps', String(steps), '--guidance', String(guidance), '--count', String(prompts.length)];

const rms = (samples: Float32Array): number => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

interface File {
  readonly wav: string;
  readonly json: string;
  readonly png: string;
}

describe('generate --prompt on a folder of diffusers', () => {
  it('is compared with numbers as they were written', () => {
    expect(createHash('sha256').update(text).digest('hex')).toBe(readFileSync(new URL('drawn.json.sha256', FIXTURES), 'utf8').trim());
    expect(new Set(cases.map(({ scheduler }) => scheduler._class_name)).size).toBe(8);
    for (const { image } of cases) expect(image.data.filter((value) => Math.abs(value) < 1).length).toBeGreaterThan(0.5 * image.data.length);
  });

  it.each(cases.map((one) => [one.name, one] as const))('draws the same images there and here: %s', async (name, { scheduler, image }) => {
    const pipeline = await imported(name, scheduler);
    const { value } = await runJson<{ files: File[] }>('generate', pipeline, ...asked, '--negative-prompt', negativePrompt, '--png', '--bit-depth', '32', '--out', join(root, `${name} clips`));
    const size = image.shape[1] * image.shape[2];
    expect(value.files.length).toBe(prompts.length);
    for (const [item, { wav, json, png }] of value.files.entries()) {
      const drawn = decodeMelPng(readFileSync(png), png);
      expectClose({ shape: image.shape.slice(1), data: drawn.data }, { shape: image.shape.slice(1), data: image.data.slice(item * size, (item + 1) * size) }, { absolute: TOLERANCE });
      expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ sampler: scheduler._class_name, prompt: prompts[item], negativePrompt, seed: seed + item, steps, guidance });
      const heard = createGriffinLimVocoder(drawn.settings).invert(drawn, { seed: seed + item });
      const { channels } = await decodeFile(wav);
      expect(rms(heard.channels[0])).toBeGreaterThan(1e-3);
      // The PNG's 16 bits lead the search for phases to another sound, but to one with the same mel image. Seen: up to 0.11 dB.
      const { analyse } = createMelCodec(drawn.settings);
      expect(melDistance(analyse(heard.channels[0]), analyse(channels[0])).activeErrorDb).toBeLessThan(0.3);
    }
  });

  it('draws something else without the negative prompt, after another prompt and from another seed', async () => {
    const pipeline = await imported('other', cases[0].scheduler);
    const draw = async (name: string, ...flags: string[]): Promise<Buffer> => {
      const { value } = await runJson<{ files: File[] }>('generate', pipeline, '--steps', String(steps), '--guidance', String(guidance), '--count', '1', '--png', '--out', join(root, name), ...flags);
      return readFileSync(value.files[0].png);
    };
    const same = ['--prompt', prompts[0], '--negative-prompt', negativePrompt, '--seed', String(seed)];
    const first = await draw('first', ...same);
    expect((await draw('again', ...same)).equals(first)).toBe(true);
    expect((await draw('no negative', '--prompt', prompts[0], '--seed', String(seed))).equals(first)).toBe(false);
    expect((await draw('prompt', '--prompt', prompts[1], '--negative-prompt', negativePrompt, '--seed', String(seed))).equals(first)).toBe(false);
    expect((await draw('seed', '--prompt', prompts[0], '--negative-prompt', negativePrompt, '--seed', String(seed + 1))).equals(first)).toBe(false);
  });

  it('asks for a prompt, and for an import first', async () => {
    const pipeline = await imported('refused', cases[0].scheduler);
    expect((await refusal('generate', pipeline, '--out', join(root, 'nothing'))).stderr).toContain('--prompt: got none');
    expect((await refusal('generate', join(root, 'refused theirs'), '--prompt', 'kick', '--out', join(root, 'nothing'))).stderr).toContain('melstrom import');
  });
});
