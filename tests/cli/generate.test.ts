import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { generationSchema } from '../../src/config/generation.js';
import { SAMPLER_NAMES, SPACINGS } from '../../src/diffusion/index.js';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom-generate-'));
const folder = join(root, 'pipeline');

useEngine();
beforeAll(async () => {
  const pipeline = smallPipeline({
    diffusion: { predictionType: 'epsilon', zeroTerminalSnr: false },
    scheduler: { kind: 'pndm', spacing: 'leading', stepsOffset: 1, endsAtZero: false, startsWithRungeKutta: false },
  });
  await savePipeline(folder, pipeline);
  pipeline.dispose();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The record of the one clip that the flags draw. */
async function drawn(name: string, ...flags: string[]): Promise<Record<string, unknown>> {
  const out = join(root, name);
  await createProgram().parseAsync(['node', 'melstrom', 'generate', folder, '--out', out, '--count', '1', '--steps', '3', '--quiet', ...flags]);
  const [record] = readdirSync(out).filter((file) => file.endsWith('.json'));
  return JSON.parse(readFileSync(join(out, record), 'utf8')) as Record<string, unknown>;
}

describe('generate', () => {
  it('samples a pipeline folder by its own scheduler, unless one is named', async () => {
    expect(await drawn('own')).toMatchObject({ sampler: 'PNDMScheduler', spacing: null, steps: 3 });
    expect(await drawn('named', '--sampler', 'heun')).toMatchObject({ sampler: 'heun', spacing: 'trailing' });
    expect(await drawn('spaced', '--sampler', 'dpmpp2m', '--spacing', 'karras')).toMatchObject({ sampler: 'dpmpp2m', spacing: 'karras' });
    expect(await drawn('asked', '--sampler', 'scheduler')).toMatchObject({ sampler: 'PNDMScheduler' });
  });

  it('inverts as the flags say, and notes in the record how and how near', async () => {
    const inversion = { spectralConvergenceDb: expect.any(Number) as number, levelDifferenceDb: expect.any(Number) as number };
    expect(await drawn('inverted')).toMatchObject({ vocoder: 'griffin-lim-32', inversion });
    const flags = ['--iterations', '2', '--phase-method', 'fast', '--phase-start', 'random', '--magnitudes', 'fixed'];
    expect(await drawn('inverted-otherwise', ...flags)).toMatchObject({ vocoder: 'griffin-lim-2-fast-random-fixed', inversion });
  });

  it('refuses a spacing for a scheduler, which has its own', async () => {
    await expect(drawn('refused', '--spacing', 'linspace')).rejects.toThrow('--spacing: got linspace, expected none');
  });

  it('names every sampler in its help, as the configuration takes them', () => {
    const help = createProgram().commands.find((command) => command.name() === 'generate')!.helpInformation().replace(/\s+/g, ' ');
    for (const name of [...SAMPLER_NAMES, 'scheduler', ...SPACINGS]) expect(help).toContain(`"${name}"`);
    for (const sampler of [...SAMPLER_NAMES, 'scheduler'] as const) expect(generationSchema.parse({ sampler }).sampler).toBe(sampler);
    for (const spacing of SPACINGS) expect(generationSchema.parse({ spacing }).spacing).toBe(spacing);
  });
});
