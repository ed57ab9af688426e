// Steps are set to what the machine does, not to what else it did while they were timed. On a clock of our own.
import { describe, expect, it } from 'vitest';
import { fitToTime, type FitOptions } from '../../src/cli/fit-to-time.js';
import type { RunConfig } from '../../src/config/run-config.js';
import { convPrecision } from '../../src/engine/ops/index.js';
import { useEngine } from '../support/engine.js';
import { recordingReporter, tinyConfig } from '../training/_tiny-run.js';

useEngine();

const config = tinyConfig({ vae: { training: { steps: 100_000, batchSize: 4 } }, unet: { training: { steps: 100_000, batchSize: 4 } } });
/** Unit: ms. */
const BARE = { vae: 100, unet: 40 };

/** Fits on a machine whose every step takes so many times its bare time at that moment. */
async function fit({ slowness = (): number => 1, bare = BARE, mayExceedBy = 0, vaeShare = 0.4, from = config }: { slowness?: (clock: number) => number; bare?: typeof BARE; mayExceedBy?: number; vaeShare?: number; from?: RunConfig } = {}) {
  const { reporter, infos } = recordingReporter();
  let clock = 0;
  const freed: string[] = [];
  const createStep: FitOptions['createStep'] = (_, stage) => ({
    run: async () => void (clock += bare[stage] * slowness(clock)),
    dispose: () => void freed.push(stage),
  });
  const { vae, unet } = await fitToTime(from, { minutes: 10, vaeShare, mayExceedBy }, { reporter, now: () => clock, createStep });
  const of = ({ training }: RunConfig['vae'] | RunConfig['unet']) => ({ steps: training.steps, maxMinutes: training.maxMinutes, batchSize: training.batchSize });
  return { vae: of(vae), unet: of(unet), infos, freed, clock };
}

describe('fitToTime', () => {
  it('fills each part of the time with steps, says so, and frees what it timed', async () => {
    const before = convPrecision();
    const { vae, unet, infos, freed, clock } = await fit({ mayExceedBy: 0.3 });
    expect(vae).toEqual({ steps: (4 * 60) / (0.1 * 1.2), maxMinutes: 5.2, batchSize: 4 });
    expect(unet).toEqual({ steps: (6 * 60) / (0.04 * 1.2), maxMinutes: 7.8, batchSize: 4 });
    const few = expect.stringContaining('far fewer') as string;
    expect(infos).toEqual(['speed: 0.10 s a step of the vae; so 2000 steps in about 4.0 minutes', few, 'speed: 0.04 s a step of the unet; so 7500 steps in about 6.0 minutes', few]);    expect(freed).toEqual(['vae', 'unet']);
    expect(clock).toBeLessThan(8000);
    expect(convPrecision()).toBe(before);
  });

  it.each([
    ['in the first seconds', (clock: number) => (clock < 4000 ? 3 : 1)],
    ['every other second', (clock: number) => (clock % 2000 < 1000 ? 5 : 1)],
    ['but for a moment at the end', (clock: number) => (clock > 5000 && clock < 6000 ? 1 : 2)],
  ])('loses no step to a machine that is busy %s', async (_, slowness) => {
    const [quiet, busy] = [await fit(), await fit({ slowness })];
    expect([busy.vae, busy.unet]).toEqual([quiet.vae, quiet.unet]);
  });

  it('says where the time limit would end a stage on a machine that stays busy', async () => {
    const { infos } = await fit({ slowness: (clock) => (clock > 5000 && clock < 6000 ? 1 : 2) });
    expect(infos[1]).toBe('half of the timed steps took 0.20 s or more: should the machine stay that busy, the time limit of 4.0 minutes ends the vae at about step 1000');
  });

  it('times a few steps of an engine on which one takes seconds, makes batches smaller for more steps, and warns', async () => {
    const { vae, infos, clock } = await fit({ bare: { vae: 9000, unet: 4000 } });
    expect(clock).toBe(3 * (9000 + 4000));
    expect(vae).toEqual({ steps: 44, maxMinutes: 4, batchSize: 2 }); // 22 batches of 4 would fit
    expect(infos[0]).toBe('speed: 4.50 s a step of the vae with batches of 2 instead of 4; so 44 steps in about 4.0 minutes');
    expect(infos[1]).toContain('far fewer than the configuration asks for');
  });

  it('keeps to the configured steps, with the time that those take, and leaves a stage without a share', async () => {
    const from = tinyConfig();
    const { vae, unet, infos, freed } = await fit({ vaeShare: 1, from });
    expect([vae, unet]).toEqual([{ steps: 6, maxMinutes: 10, batchSize: 2 }, { steps: 6, maxMinutes: null, batchSize: 2 }]);
    expect(infos).toEqual(['speed: 0.10 s a step of the vae; so 6 steps in about 0.0 minutes']);
    expect(freed).toEqual(['vae']);
  });
});
