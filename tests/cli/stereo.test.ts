// Two channels from a folder of sounds to new clips, as a user types it; and what does not go with it, refused by name.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { rmsDb } from '../../src/dsp/loudness.js';
import { midSide } from '../../src/dsp/mid-side.js';
import { decodeMelPng } from '../../src/spectrogram/png.js';
import { sine, wavBytes } from '../corpus/sounds.js';
import { expectClose } from '../support/close.js';
import { refusal, runCommand, runJson } from './run-command.js';
import { TINY_LABELS, useTinyProject } from './tiny-project.js';

const project = useTinyProject({ mel: { channels: 2 } });
let run: string;
const inRoot = (...parts: string[]): string => join(project.root, ...parts);
const soundOf = (label: number, index = 0): string => join(project.sounds, TINY_LABELS[label], `É ${index} #100%.wav`);

function interleaved(left: Float32Array, right: Float32Array): Float32Array {
  return Float32Array.from({ length: 2 * left.length }, (_, index) => (index % 2 === 0 ? left : right)[Math.floor(index / 2)]);
}

/** The first label sounds on the left, the second on the right, the last file of each in one channel. */
beforeAll(async () => {
  for (const label of [0, 1]) {
    for (let index = 0; index < 3; index += 1) {
      const sound = sine(0.12, { hz: 400 * (label + 1) + 11 * index });
      const soft = sound.map((sample) => 0.25 * sample);
      writeFileSync(soundOf(label, index), wavBytes(label === 0 ? interleaved(sound, soft) : interleaved(soft, sound), { channels: 2 }));
    }
  }
  run = inRoot('stereo run');
  const { status, stderr } = await runCommand('train', project.config, '--run', run);
  expect(status, stderr).toBe(0);
});

/** The record of a clip makes the same bytes. */
async function expectAgain({ wav, json }: { readonly wav: string; readonly json: string }): Promise<void> {
  await runJson('regenerate', json, '--run', run, '--out', `${wav}.again.wav`);
  expect(readFileSync(`${wav}.again.wav`).equals(readFileSync(wav))).toBe(true);
}

const balanceDb = ([left, right]: readonly Float32Array[]): number => rmsDb(left) - rmsDb(right);

describe('a stereo run', () => {
  it('is trained with networks of three image channels, and says so in its folder', () => {
    const json = (...parts: string[]): Record<string, unknown> => JSON.parse(readFileSync(join(run, 'pipeline', ...parts), 'utf8')) as Record<string, unknown>;
    expect(json('vae', 'config.json')).toMatchObject({ in_channels: 3, out_channels: 3, latent_channels: 2 });
    expect(json('unet', 'config.json')).toMatchObject({ in_channels: 2, out_channels: 2 });
    expect(json('mel', 'mel_config.json')).toMatchObject({ channels: 2 });
  });

  it('generates clips of two channels, with their image and a record that makes them again', async () => {
    const out = inRoot('clips');
    const { value: { files } } = await runJson<{ files: { wav: string; json: string; png: string }[] }>('generate', run, '--count', '2', '--out', out, '--png');
    expect(files.length).toBe(2);
    for (const { wav, png } of files) {
      expect((await decodeFile(wav)).channels.length).toBe(2);
      expect(decodeMelPng(readFileSync(png), png).settings.channels).toBe(2);
    }
    await expectAgain(files[0]);
  });

  it('generates longer than a slice, as a loop, and several things at once', async () => {
    const channelsOf = async (...words: string[]): Promise<number[]> => {
      const { value: { files } } = await runJson<{ files: { wav: string }[] }>(...words);
      return Promise.all(files.map(async ({ wav }) => (await decodeFile(wav)).channels.length));
    };
    expect(await channelsOf('generate', run, '--count', '1', '--out', inRoot('long'), '--seconds', '0.4')).toEqual([2]);
    expect(await channelsOf('generate', run, '--count', '1', '--out', inRoot('loop'), '--seconds', '0.256', '--loop')).toEqual([2]);
    expect(await channelsOf('morph', run, `label:${TINY_LABELS[0]}`, soundOf(1), '--steps', '3', '--out', inRoot('morph'))).toEqual([2, 2, 2]);
    expect(await channelsOf('combine', run, '--count', '1', '--label', TINY_LABELS[0], '--label', TINY_LABELS[1], '--out', inRoot('combined'))).toEqual([2]);
  });

  it.each([['fill', ['--from', '0.02', '--to', '0.05']], ['extend', ['--seconds', '0.1', '--bit-depth', '32']]] as const)('%s keeps the samples of both channels, and its record makes it again', async (name, flags) => {
    const { value: { files } } = await runJson<{ files: { wav: string; json: string }[] }>(name, run, soundOf(0), ...flags, '--out', inRoot(name));
    const [made, own] = await Promise.all([files[0].wav, soundOf(0)].map(async (path) => (await decodeFile(path)).channels));
    expect(made.length).toBe(2);
    made.forEach((channel, index) => expect(channel.subarray(0, 160)).toEqual(own[index].subarray(0, 160)));
    await expectAgain(files[0]);
  });

  it('varies a sound of two channels: at strength 0 it is the round trip of both', async () => {
    const { value: { files } } = await runJson<{ files: { wav: string; json: string }[] }>('vary', run, soundOf(0), '--strength', '0', '--out', inRoot('varied'));
    expect((await decodeFile(files[0].wav)).channels.length).toBe(2);
    await expectAgain(files[0]);
  });
});

describe('inspect, prepare and train of stereo', () => {
  it('look at both channels and count the files of each kind', async () => {
    const sheet = inRoot('sheet.png');
    const { value } = await runJson<{ channels: Record<string, number>; cost: { image: number[]; parameters: { vae: number; unet: number } } }>('inspect', project.sounds, '--config', project.config, '--sheet', sheet, '--cost');
    expect(value.channels).toEqual({ 1: 2, 2: 6 });
    expect(value.cost.image).toEqual([8, 16, 3]);
    expect(value.cost.parameters.vae).toBeGreaterThan(100);
    const { stdout } = await runCommand('inspect', project.sounds, '--config', project.config, '--cost');
    expect(stdout).toMatch(/image: 8 × 16 × 3 \(mid, side, panning\), 0\.12 s; the UNet draws 4 × 8 × 2/);
    expect(stdout).toMatch(/networks: autoencoder [\d,]+ parameters, UNet [\d,]+ parameters/);
    expect(stdout).toMatch(/codec, per second of sound: \d+ ms to analyse, \d+ ms to invert in 2 iterations/);
  });

  it('train on pixels, with cropped windows, and with a discriminator', async () => {
    const pixel = await runCommand('train', project.config, '--run', inRoot('pixel'), '--set', 'representation=pixel', '--set', 'unet.training.steps=2');
    expect(pixel.status, pixel.stderr).toBe(0);
    expect(JSON.parse(readFileSync(inRoot('pixel', 'pipeline', 'unet', 'config.json'), 'utf8'))).toMatchObject({ in_channels: 3, out_channels: 3 });
    const cropped = await runCommand('train', project.config, '--run', inRoot('cropped'), '--stage', 'vae', '--set', 'vae.cropFrames=8', '--set', 'vae.loss.discriminatorWeight=0.1', '--set', 'vae.loss.discriminatorStartStep=1', '--set', 'vae.discriminator.layers=1', '--set', 'vae.training.augment.gainDb=6');
    expect(cropped.status, cropped.stderr).toBe(0);
  });

  it('goes on from a stereo model', async () => {
    const { status, stderr } = await runCommand('train', project.config, '--run', inRoot('retrained'), '--set', `initialPipeline=${JSON.stringify(join(run, 'pipeline'))}`, '--set', 'vae.training.steps=1', '--set', 'unet.training.steps=1');
    expect(status, stderr).toBe(0);
  });
});

describe('encode and decode in stereo', () => {
  it('write three pictures on top of one another, and bring both channels back at their levels', async () => {
    for (const label of [0, 1]) {
      const png = inRoot(`stereo ${label}.png`);
      const { value } = await runJson<{ melBins: number; frames: number }>('encode', soundOf(label), '--config', project.config, '--out', png);
      expect(value).toMatchObject({ melBins: 8, frames: 16 });
      const { value: decoded } = await runJson<{ channels: number }>('decode', png, '--out', `${png}.wav`);
      expect(decoded.channels).toBe(2);
      const [got, wanted] = await Promise.all([`${png}.wav`, soundOf(label)].map(async (path) => (await decodeFile(path)).channels));
      expectClose(balanceDb(got), balanceDb(wanted), { absolute: 0.5 });
      // Eight mel bins over a tenth of a second leave open what a tone's wave is; codecs in use are held to 0.5 dB in tests/vocoder.
      expectClose(rmsDb(midSide(got[0], got[1])[0]), rmsDb(midSide(wanted[0], wanted[1])[0]), { absolute: 1.5 });
    }
  });

  it('give a sound of one channel the same in both', async () => {
    const png = inRoot('mono.png');
    await runJson('encode', soundOf(0, 3), '--config', project.config, '--out', png);
    await runJson('decode', png, '--out', `${png}.wav`);
    const [left, right] = (await decodeFile(`${png}.wav`)).channels;
    expectClose(left, right, { absolute: 2.5 / 32_768, reason: 'each channel has its own dither of 16 bits' });
  });

  it('refuse more than two channels', async () => {
    const three = inRoot('three.wav');
    writeFileSync(three, wavBytes(sine(0.3), { channels: 3 }));
    expect((await refusal('encode', three, '--config', project.config, '--out', inRoot('three.png'))).stderr).toMatch(/three\.wav: got 3 channels, expected 1 or 2/);
  });
});

describe('judging stereo', () => {
  it('reconstruct says of each file how mid and width come back, and writes every rung in two channels', async () => {
    const out = inRoot('ladder');
    const { value } = await runJson<{ files: { rungs: Record<string, Record<string, number>> }[]; summary: Record<string, Record<string, unknown>> }>('reconstruct', run, soundOf(0), soundOf(1), '--out', out, '--iterations', '16');
    for (const { rungs } of value.files) {
      expect(Object.keys(rungs)).toEqual(['codec', 'inverted', 'vae']);
      for (const name of ['codec', 'inverted']) {
        expect(Math.abs(rungs[name].widthDifferenceDb)).toBeLessThan(0.5);
        expect(Number.isFinite(rungs[name].levelDifferenceDb)).toBe(true); // eight mel bins leave it open
      }
      expect(Number.isFinite(rungs.vae.widthDifferenceDb)).toBe(true);
    }
    expect(value.summary.inverted.widthDifferenceDb).toMatchObject({ count: 2 });
    const clips = readdirSync(join(out, 'clips')).filter((file) => file.endsWith('.wav'));
    expect(clips.length).toBe(8);
    for (const clip of clips) expect((await decodeFile(join(out, 'clips', clip))).channels.length).toBe(2);
    expect(readFileSync(join(out, 'index.html'), 'utf8')).toContain('Width difference / dB');
  });

  it('reconstruct prints mid and width', async () => {
    const { stdout } = await runCommand('reconstruct', run, soundOf(0), '--out', inRoot('printed ladder'));
    expect(stdout).toMatch(/level off: codec mid [+−]\d\.\d\d, width [+−]\d\.\d\d; inverted mid/);
  });

  it('evaluate compares clips of a run, and a folder of clips, with both channels of the real sounds', async () => {
    const report = inRoot('report');
    const { value } = await runJson<{ inversionError: { activeCells: number }; sets: { embedding: { name: string } } }>('evaluate', run, '--clips', '2', '--out', report);
    expect(value.inversionError.activeCells).toBeGreaterThan(0);
    expect(value.sets.embedding.name).toBe('spectral-32');
    const clips = readdirSync(join(report, 'clips')).filter((file) => file.endsWith('.wav'));
    expect(clips.some((file) => file.includes('generated'))).toBe(true);
    for (const clip of clips) expect((await decodeFile(join(report, 'clips', clip))).channels.length).toBe(2);
    const { value: own } = await runJson<{ agreement: { clips: number }; sets: { memorisation: { copiedShare: number } } }>('evaluate', project.sounds, '--against', project.sounds, '--config', project.config, '--out', inRoot('folder report'));
    expect(own.agreement.clips).toBe(1);
    expect(own.sets.memorisation.copiedShare).toBeGreaterThan(0.7); // they are the very training sounds, but for those held out
  });
});

describe('what does not go with two channels', () => {
  it('is refused in a configuration, all at once', async () => {
    const { stderr } = await refusal('train', project.config, '--run', inRoot('refused'), '--set', 'corpus.downmix=left', '--set', 'unet.network.in_channels=1');
    expect(stderr).toMatch(/corpus\.downmix: got left, expected nothing, since mel\.channels is 2/);
    expect(stderr).toMatch(/unet\.network\.in_channels: got 1, expected 2, as vae\.network\.latent_channels/);
  });
});
