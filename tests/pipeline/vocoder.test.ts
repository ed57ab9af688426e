import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveVocos, vocosSchema } from '../../src/config/vocoder.js';
import { toReference } from '../../src/nn/index.js';
import { exportPipeline } from '../../src/pipeline/export.node.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { importPipeline } from '../../src/pipeline/import.node.js';
import { findVocoder, openVocoder, saveVocoder } from '../../src/pipeline/vocoder-folder.node.js';
import { createNeuralVocoder } from '../../src/vocoder/neural-vocoder.js';
import { beatsInverter, createVocoderNetwork, type VocoderNetwork } from '../../src/vocoder/vocoder-network.js';
import { useEngine } from '../support/engine.js';
import { SMALL_MEL, smallPipeline } from './small-pipeline.js';

useEngine();

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom vocoder é🥁-'));
  folder = join(root, 'pipeline');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function smallVocoder(mel = SMALL_MEL): VocoderNetwork {
  return createVocoderNetwork(deriveVocos(vocosSchema.parse({ dim: 8, intermediate_dim: 12, num_layers: 2 }), mel), mel, { seed: 3 });
}

const json = (): Record<string, unknown> => JSON.parse(readFileSync(join(folder, 'vocoder', 'config.json'), 'utf8')) as Record<string, unknown>;
const edit = (changes: Record<string, unknown>): void => writeFileSync(join(folder, 'vocoder', 'config.json'), JSON.stringify({ ...json(), ...changes }));

describe('the vocoder of a pipeline folder', () => {
  it('comes back bit for bit and sounds the same', async () => {
    const pipeline = smallPipeline({ vocoder: smallVocoder() });
    await savePipeline(folder, pipeline);
    expect(readdirSync(join(folder, 'vocoder')).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(json()).toMatchObject({ _class_name: 'MelstromVocos', dim: 8, n_fft: 256, input_channels: 8, mel: { melBins: 8 } });
    const loaded = await loadPipeline(folder);
    expect(loaded.vocoder!.vocos.config).toEqual(pipeline.vocoder!.vocos.config);
    expect(toReference(loaded.vocoder!.vocos.parameters)).toEqual(toReference(pipeline.vocoder!.vocos.parameters));
    const image = { settings: SMALL_MEL, frameCount: 16, data: Float32Array.from({ length: 128 }, (_, index) => Math.sin(index)) };
    expect(createNeuralVocoder(loaded.vocoder!).invert(image)).toEqual(createNeuralVocoder(pipeline.vocoder!).invert(image));
    loaded.dispose();
    pipeline.dispose();
  });

  it('remembers what was measured, keeps that when another stage writes the folder again, and does without it in folders of before', async () => {
    const measured = { loss: 0.5, inverterLoss: 0.625 };
    const vocoder = smallVocoder();
    await saveVocoder(folder, { ...vocoder, measured });
    vocoder.vocos.dispose();
    const found = openVocoder(findVocoder(folder, null)!);
    expect([found.measured, beatsInverter(found), ...[0.7, 0.62].map((loss) => beatsInverter({ measured: { loss, inverterLoss: 0.625 } }))]).toEqual([measured, true, false, true]);
    const pipeline = smallPipeline({ vocoder: found });
    await savePipeline(folder, pipeline);
    expect(findVocoder(folder, null)!.measured).toEqual(measured);
    edit({ _measured: undefined, predicts: undefined, from_inverter: false, mixing: 'frames', cell_dim: 48, cell_layers: 4 }); // keys of earlier versions
    const old = findVocoder(folder, null)!;
    expect([old.measured, old.config.predicts, beatsInverter(old)]).toEqual([null, 'spectrum', true]);
    edit({ _measured: { loss: 'low' } });
    expect(() => findVocoder(folder, null)).toThrow(/config\.json[^]*_measured\.loss: got "low", expected a number/);
    pipeline.dispose();
  });

  it('leaves no tensor when it is disposed of, or when something is wrong', async () => {
    const before = tf.memory().numTensors;
    const pipeline = smallPipeline({ vocoder: smallVocoder() });
    await savePipeline(folder, pipeline);
    pipeline.dispose();
    (await loadPipeline(folder)).dispose();
    rmSync(join(folder, 'vocoder', 'model.safetensors'));
    await expect(loadPipeline(folder)).rejects.toThrow(/vocoder.*safetensors.*no such file/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('may be there before the rest, and is put back after a stop between two renames', async () => {
    const vocoder = smallVocoder();
    await saveVocoder(folder, vocoder);
    renameSync(join(folder, 'vocoder'), join(folder, '.vocoder.previous'));
    const pipeline = smallPipeline({ vocoder });
    await savePipeline(folder, pipeline);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
    renameSync(join(folder, 'vocoder'), join(folder, '.vocoder.previous'));
    const loaded = await loadPipeline(folder);
    expect(loaded.vocoder).not.toBeNull();
    loaded.dispose();
    pipeline.dispose();
  });

  it('is found by itself with the codec it was trained for, and refused by another pipeline', async () => {
    const vocoder = smallVocoder();
    await saveVocoder(folder, vocoder);
    const found = findVocoder(folder, null)!;
    expect(found.mel).toEqual(SMALL_MEL);
    const opened = openVocoder(found);
    expect(toReference(opened.vocos.parameters)).toEqual(toReference(vocoder.vocos.parameters));
    opened.vocos.dispose();
    expect(() => findVocoder(folder, { ...SMALL_MEL, floorDb: -60 })).toThrow(/floorDb -80, expected floorDb -60/);
    const other = smallVocoder({ ...SMALL_MEL, floorDb: -60 });
    const pipeline = smallPipeline();
    expect(() => smallPipeline({ vocoder: other })).toThrow(/pipeline: vocoder: mel floorDb/);
    pipeline.dispose();
    vocoder.vocos.dispose();
    other.vocos.dispose();
  });

  it.each<[string, RegExp, Record<string, unknown>]>([
    ['another width', /vocoder.*shape/s, { dim: 12 }],
    ['an unknown key', /config\.json: dims/, { dims: 8 }],
    ['a transform of another size', /network\.n_fft: got 512, expected 256/, { n_fft: 512 }],
    ['mel settings changed by hand', /config\.json: mel: got settings of the codec/, { mel: { ...SMALL_MEL, maxHz: 3000, _codec_hash: '0' } }],
    ['a start that is no longer there', /config\.json: from_inverter: got true[^]*train it anew/, { from_inverter: true }],
    ['no mel settings', /config\.json: mel/, { mel: undefined }],
  ])('with %s is refused by name', async (_, message, changes) => {
    const pipeline = smallPipeline({ vocoder: smallVocoder() });
    await savePipeline(folder, pipeline);
    pipeline.dispose();
    edit(changes);
    await expect(loadPipeline(folder)).rejects.toThrow(message);
  });

  it('of another library is passed over', async () => {
    const pipeline = smallPipeline({ vocoder: smallVocoder() });
    await savePipeline(folder, pipeline);
    pipeline.dispose();
    edit({ _class_name: 'SpeechT5HifiGan' });
    const loaded = await loadPipeline(folder);
    expect(loaded.vocoder).toBeNull();
    loaded.dispose();
  });

  it('goes along when the pipeline is exported, comes back by import, and stays behind where the mel settings are others', async () => {
    const pipeline = smallPipeline({ vocoder: smallVocoder() });
    const report = await exportPipeline(folder, pipeline);
    expect(report.notes.join('\n')).toContain('vocoder/ turns images into sound here');
    const imported = await importPipeline(folder);
    expect(imported.report.taken).toContain('vocoder (Vocos, 2 blocks of 8 channels)');
    expect(createNeuralVocoder(imported.pipeline.vocoder!).name).toBe(createNeuralVocoder(pipeline.vocoder!).name);
    const other = await importPipeline(folder, { mel: { mel: { ...SMALL_MEL, floorDb: -60 }, reason: 'a test' } });
    expect(other.pipeline.vocoder).toBeNull();
    for (const one of [imported.pipeline, other.pipeline, pipeline]) one.dispose();
  });
});
