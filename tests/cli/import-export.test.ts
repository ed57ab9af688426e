import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { parseSafetensorsHeader } from '../../src/nn/index.js';

const FIXTURES = fileURLToPath(new URL('../pipeline/fixtures/diffusers', import.meta.url));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom cli é '));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.removeAllListeners('SIGINT');
  process.removeAllListeners('SIGTERM');
  rmSync(root, { recursive: true, force: true });
});

/** Runs a command and returns what it printed on standard output. */
async function melstrom(...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } finally {
    vi.restoreAllMocks();
  }
  return printed;
}

const dtypesOf = (path: string): Set<string> => new Set(parseSafetensorsHeader(readFileSync(path), path).entries.map(({ dtype }) => dtype));

it('imports, says what it took, left out and chose, and exports again', async () => {
  const [own, out] = [join(root, 'own'), join(root, 'out')];
  const config = join(root, 'mel.yaml');
  writeFileSync(config, 'corpus: { path: . }\nmel: { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 16, frames: 32, maxHz: 4000 }');
  const text = await melstrom('import', join(FIXTURES, 'latent'), '--out', own, '--mel-from', config, '--channels', 'adapt', '--dtype', 'bfloat16', '--partial');
  expect(text).toMatch(/found: LDMPipeline\ntaken: autoencoder \(AutoencoderKL, 3 image channels.*\ntaken: UNet.*\ntaken: scheduler \(epsilon/);
  expect(text).toContain(`mel: 16 bins × 32 frames at 8000 Hz, hop 64, -80 to 6 dB (as in ${config})`);
  expect(text).toContain('note: the first convolution is summed');
  expect(dtypesOf(join(own, 'vae', 'diffusion_pytorch_model.safetensors'))).toEqual(new Set(['BF16']));
  expect(await melstrom('export', own, '--out', out, '--dtype', 'float16', '--pipeline-class', 'LDMPipeline')).toMatch(/^written as LDMPipeline\n/);
  expect(dtypesOf(join(out, 'unet', 'diffusion_pytorch_model.safetensors'))).toEqual(new Set(['F16']));
  expect(JSON.parse(await melstrom('--json', 'import', out, '--out', join(root, 'again'), '--mel-from', own))).toMatchObject({ className: 'LDMPipeline', mel: { melBins: 16 }, leftOut: [] });
});

it('takes a variant, and names what AudioLDM leaves', async () => {
  expect(await melstrom('import', join(FIXTURES, 'variant'), '--out', join(root, 'a'), '--variant', 'fp16')).toContain('found: AutoencoderKL');
  expect(await melstrom('import', join(FIXTURES, 'audioldm'), '--out', join(root, 'b'))).toMatch(/left out: text_encoder \(ClapTextModelWithProjection\): .*\n.*\nleft out: vocoder \(SpeechT5HifiGan\): clips are inverted/);
});

it('replaces an earlier pipeline only when told to, and never anything else or what it reads', async () => {
  const own = join(root, 'own');
  await melstrom('import', join(FIXTURES, 'latent'), '--out', own);
  await expect(melstrom('import', join(FIXTURES, 'latent'), '--out', own)).rejects.toThrow(/a folder that exists.*--force/);
  await melstrom('import', join(FIXTURES, 'audio'), '--out', own, '--force');
  expect(existsSync(join(own, 'vae'))).toBe(false);
  await expect(melstrom('export', own, '--out', own, '--force')).rejects.toThrow(/the folder that is read/);
  await expect(melstrom('export', own, '--out', root, '--force')).rejects.toThrow(/the folder that is read, or one around it/);
  writeFileSync(join(own, 'notes.txt'), 'mine');
  await expect(melstrom('import', join(FIXTURES, 'latent'), '--out', own, '--force')).rejects.toThrow(/other files in it \('notes\.txt'\)/);
  await expect(melstrom('import', join(FIXTURES, 'latent'), '--out', join(root, 'new'), '--mel-from', join(FIXTURES, 'pixel'))).rejects.toThrow(/says nothing of sound/);
});
