// The neural vocoder as a user meets it: trained by a stage, used by every command that makes sound, and left aside on request.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { readLoggedNumbers } from '../../src/training/read-events.node.js';
import { refusal, runCommand, runJson } from './run-command.js';
import { TINY_LABELS, useTinyProject } from './tiny-project.js';

const TRAINING = { steps: 2, batchSize: 2, warmupSteps: 1, previewEvery: 2 };
const project = useTinyProject({
  vae: { training: TRAINING }, unet: { training: TRAINING },
  vocoder: { network: { dim: 8, intermediate_dim: 8, num_layers: 1 }, windowFrames: 8, loss: { fftSizes: [64] }, training: TRAINING },
});
const inRoot = (...parts: string[]): string => join(project.root, ...parts);

interface Drawn {
  readonly files: { readonly json: string }[];
}

async function vocoderOf(run: string, name: string, ...flags: string[]): Promise<unknown> {
  const { value } = await runJson<Drawn>('generate', run, '--out', inRoot(name), '--count', '1', ...flags);
  return (JSON.parse(readFileSync(value.files[0].json, 'utf8')) as { vocoder: unknown }).vocoder;
}

/** Writes into a run what its training is to have found. */
function measureAs(run: string, measured: { loss: number; inverterLoss: number }): void {
  const path = join(run, 'pipeline', 'vocoder', 'config.json');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), _measured: measured }));
}

describe('a vocoder of the run', () => {
  it('is trained alone or with the rest, previewed, and used where it is the better one unless another is asked for', async () => {
    const run = inRoot('Lauf 🎹');
    const alone = await runCommand('train', project.config, '--run', run, '--stage', 'vocoder');
    expect([alone.status, alone.stdout], alone.stderr).toEqual([0, expect.stringContaining('--stage all --resume')]);
    expect(readdirSync(join(run, 'pipeline'))).toEqual(['vocoder']);
    expect(readdirSync(join(run, 'previews', 'vocoder-step-2'))).toHaveLength(4); // validation has two slices; a picture and a sound of each
    expect([...readLoggedNumbers(join(run, 'events', 'vocoder')).keys()]).toEqual(expect.arrayContaining(['ladder/inverted/melErrorDb', 'ladder/vocoder/melErrorDb']));
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('Ladder of the vocoder');
    const rest = await runCommand('train', project.config, '--run', run, '--resume');
    expect([rest.status, rest.stdout], rest.stderr).toEqual([0, expect.stringContaining('next: melstrom generate')]);

    measureAs(run, { loss: 0.6, inverterLoss: 0.5 });
    expect(await vocoderOf(run, 'zu früh')).toMatch(/^griffin-lim-2/);
    measureAs(run, { loss: 0.5, inverterLoss: 0.6 });
    expect(await vocoderOf(run, 'auto')).toMatch(/^vocos-[0-9a-f]{8}-griffin-lim-2/);
    expect(await vocoderOf(run, 'named', '--vocoder', 'neural')).toMatch(/^vocos-/);
    expect(await vocoderOf(run, 'classical', '--vocoder', 'griffin-lim')).toMatch(/^griffin-lim-2/);
    const clip = (name: string): Buffer => readFileSync(inRoot(name, readdirSync(inRoot(name)).find((file) => file.endsWith('.wav'))!));
    expect(clip('auto').equals(clip('named'))).toBe(true);
    expect(clip('auto').equals(clip('classical'))).toBe(false);

    const sound = join(project.sounds, TINY_LABELS[0], 'É 0 #100%.wav');
    const operations: readonly (readonly [string, ...string[]])[] = [
      ['vary', run, sound, '--strength', '0.5'], ['fill', run, sound, '--from', '0.03', '--to', '0.06'], ['extend', run, sound, '--seconds', '0.1'], ['extend', run, sound, '--seconds', '0.1', '--before'],
      ['morph', run, 'seed:1', 'seed:2', '--steps', '2'], ['combine', run, '--label', TINY_LABELS[0], '--count', '1'], ['generate', run, '--count', '1', '--loop', '--bpm', '600', '--bars', '0.5'],
    ];
    for (const [index, words] of operations.entries()) {
      for (const [choice, name] of [['auto', /^vocos-/], ['neural', /^vocos-/], ['griffin-lim', /^griffin-lim-2/]] as const) {
        const { value } = await runJson<{ files: { json: string; wav: string }[] }>(...words, '--out', inRoot(`${index} ${words[0]} ${choice}`), '--vocoder', choice);
        expect((JSON.parse(readFileSync(value.files[0].json, 'utf8')) as { vocoder: string }).vocoder).toMatch(name);
        if (choice !== 'auto') continue;
        await runJson('regenerate', value.files[0].json, '--run', run, '--out', `${value.files[0].wav}.again.wav`);
        expect(readFileSync(`${value.files[0].wav}.again.wav`).equals(readFileSync(value.files[0].wav)), words[0]).toBe(true);
      }
    }
    const errors: number[] = [];
    for (const [name, ...flags] of [['leiter'], ['leiter klassisch', '--vocoder', 'griffin-lim']]) {
      const { value } = await runJson<{ files: { inversionErrorDb: number }[] }>('reconstruct', run, sound, '--out', inRoot(name), ...flags);
      errors.push(value.files[0].inversionErrorDb);
    }
    expect(errors[0]).not.toBe(errors[1]);
    for (const choice of ['auto', 'griffin-lim']) expect((await runCommand('evaluate', run, '--clips', '1', '--out', inRoot(`urteil ${choice}`), '--vocoder', choice)).status).toBe(0);
  });

  it('learns the mid of stereo sound, and makes sound of two channels', async () => {
    const run = inRoot('stereo');
    const trained = await runCommand('train', project.config, '--run', run, '--set', 'mel.channels=2');
    expect(trained.status, trained.stderr).toBe(0);
    expect(JSON.parse(readFileSync(join(run, 'pipeline', 'vocoder', 'config.json'), 'utf8'))).toMatchObject({ input_channels: 8, mel: { melBins: 8 } });
    const { value: { files } } = await runJson<{ files: { wav: string; json: string }[] }>('generate', run, '--count', '1', '--vocoder', 'neural', '--out', inRoot('stereo clips'));
    expect((JSON.parse(readFileSync(files[0].json, 'utf8')) as { vocoder: string }).vocoder).toMatch(/^vocos-/);
    expect((await decodeFile(files[0].wav)).channels.length).toBe(2);
    await runJson('regenerate', files[0].json, '--run', run, '--out', inRoot('stereo clips', 'again.wav'));
    expect(readFileSync(inRoot('stereo clips', 'again.wav')).equals(readFileSync(files[0].wav))).toBe(true);
    const again = await runCommand('train', project.config, '--run', run, '--resume', '--set', 'mel.channels=2', '--set', 'vocoder.training.steps=3');
    expect([again.status, again.stderr]).toEqual([0, expect.not.stringContaining('other mel settings')]);
  });

  it('is refused where there is none, or none is configured', async () => {
    const run = inRoot('ohne');
    expect((await runCommand('train', project.config, '--run', run, '--set', 'vocoder=null')).status).toBe(0);
    expect(await vocoderOf(run, 'ohne auto')).toBe('griffin-lim-2');
    const missing = await refusal('generate', run, '--out', inRoot('nichts'), '--vocoder', 'neural');
    expect([missing.status, missing.stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('--vocoder: got neural, expected griffin-lim, since the model has no vocoder of its own')]);
    const wrong = await refusal('train', project.config, '--run', inRoot('none'), '--stage', 'vocoder', '--set', 'vocoder=null');
    expect([wrong.status, wrong.stderr]).toEqual([EXIT_STATUS.configuration, expect.stringContaining('there is no vocoder to train')]);
    for (const words of [['vary', run, inRoot('x.wav'), '--strength', '1'], ['combine', run, '--label', TINY_LABELS[0]]]) {
      expect((await refusal(...words, '--out', inRoot('nichts'), '--vocoder', 'neural')).stderr).toContain('since the model has no vocoder of its own');
    }
    expect((await refusal('generate', run, '--out', inRoot('nichts'), '--vocoder', 'wavenet')).stderr).toContain('Allowed choices are auto, neural, griffin-lim');
  });
});
