// Progressive generation as a user types it: a configuration with a block upscaler, trained and sampled.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { refusal, runCommand, runJson } from './run-command.js';
import { useTinyProject } from './tiny-project.js';

const NETWORK = { down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'], block_out_channels: [4, 8], layers_per_block: 1, norm_num_groups: 2, attention_head_dim: 4 };
const TRAINING = { steps: 2, batchSize: 2, warmupSteps: 1, previewEvery: 2 };
const project = useTinyProject({ representation: 'pixel', unet: { training: TRAINING }, upscaler: { factor: 2, network: NETWORK, training: TRAINING } });
const inRoot = (...parts: string[]): string => join(project.root, ...parts);

describe('train and generate with an upscaler', () => {
  it('train one stage after the other, saying which comes next, and draw with what there is', async () => {
    const run = inRoot('Lauf 🎹');
    const first = await runCommand('train', project.config, '--run', run, '--stage', 'unet');
    expect([first.status, first.stdout], first.stderr).toEqual([0, expect.stringContaining('--stage upscaler')]);
    const rough = await runCommand('generate', run, '--out', inRoot('roh'), '--count', '1');
    expect([rough.status, rough.stderr]).toEqual([0, expect.stringContaining('the upscaler is not trained yet')]);
    const second = await runCommand('train', project.config, '--run', run, '--stage', 'upscaler');
    expect([second.status, second.stdout], second.stderr).toEqual([0, expect.stringContaining('next: melstrom generate')]);
    expect(readdirSync(join(run, 'previews')).sort()).toEqual(['unet-step-2', 'upscaler-step-2']);
    expect(readdirSync(join(run, 'previews', 'upscaler-step-2')).length).toBe(16); // a picture and a sound for each of 8
    const { value } = await runJson<{ files: { json: string }[] }>('generate', run, '--out', inRoot('fein'), '--count', '2', '--steps', '3', '--upscaler-steps', '2');
    const records = value.files.map(({ json }) => JSON.parse(readFileSync(json, 'utf8')) as object);
    expect(records).toEqual([0, 1].map((seed) => expect.objectContaining({ seed, steps: 3, upscaler: { factor: 2, steps: 2 }, frameCount: 16 }) as unknown));
    const [clip] = value.files.map(({ json }) => json.replace(/json$/, 'wav'));
    for (const [command, ...words] of [
      ['vary', clip, '--strength', '0.5'], ['fill', clip, '--from', '0.02', '--to', '0.05'], ['extend', clip, '--seconds', '0.2'], ['morph', clip, 'seed:3', '--steps', '3', '--sampler-steps', '2'], ['combine', '--label', "cloche d'été"],
    ]) {
      const { value: made } = await runJson<{ files: { json: string }[] }>(command, run, ...words, '--upscaler-steps', '2', ...(command === 'morph' ? [] : ['--steps', '2']), '--out', inRoot(command));
      const [{ json }] = made.files;
      expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ operation: command, steps: 2, upscaler: { factor: 2, steps: 2 } });
      expect((await runJson('regenerate', json, '--force')).value).toMatchObject({ isIdentical: true });
    }
  });

  it('train the upscaler alone first, and say that the UNet is missing', async () => {
    const run = inRoot('upscaler only');
    const { status, stdout } = await runCommand('train', project.config, '--run', run, '--stage', 'upscaler');
    expect([status, stdout]).toEqual([0, expect.stringContaining('--stage unet')]);
    const { stderr } = await refusal('generate', run, '--out', inRoot('nothing'), '--count', '1');
    expect(stderr).toContain('no UNet');
  });

  it('draw stereo sound in two sizes: mid, side and panning', async () => {
    const run = inRoot('stereo');
    const { status, stderr } = await runCommand('train', project.config, '--run', run, '--set', 'mel.channels=2');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(readFileSync(join(run, 'pipeline', 'upscaler', 'config.json'), 'utf8'))).toMatchObject({ in_channels: 6, out_channels: 3 });
    const { value } = await runJson<{ files: { wav: string; json: string }[] }>('generate', run, '--out', inRoot('breit'), '--count', '1', '--upscaler-steps', '2');
    expect(JSON.parse(readFileSync(value.files[0].json, 'utf8'))).toMatchObject({ upscaler: { factor: 2, steps: 2 } });
    expect((await decodeFile(value.files[0].wav)).channels.length).toBe(2);
    const wrong = await refusal('train', project.config, '--run', inRoot('falsch'), '--set', 'mel.channels=2', '--set', 'upscaler.network.in_channels=2', '--set', 'upscaler.network.out_channels=1');
    expect(wrong.stderr).toMatch(/upscaler\.network\.in_channels: got 2, expected 6: the noisy image and the enlarged small one[^]*upscaler\.network\.out_channels: got 1, expected 3: mid, side and panning/);
  });

  it('refuse an upscaler that is not configured, or not there', async () => {
    const wrong = await refusal('train', project.config, '--run', inRoot('none'), '--stage', 'upscaler', '--set', 'upscaler=null');
    expect([wrong.status, wrong.stderr]).toEqual([EXIT_STATUS.configuration, expect.stringContaining('there is no upscaler to train')]);
    const plain = inRoot('plain');
    expect((await runCommand('train', project.config, '--run', plain, '--set', 'upscaler=null')).status).toBe(0);
    const { status, stderr } = await refusal('generate', plain, '--out', inRoot('nothing'), '--upscaler-steps', '2');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('the model has no upscaler')]);
  });
});
