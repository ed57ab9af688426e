// The text parts of a pipeline folder: as the reference writes them, there and back.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeSafetensors, toReference } from '../../src/nn/index.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { encodePrompts, modelHash } from '../../src/pipeline/index.js';
import { fromEncoderConfig, publishedNames, readText, textFiles } from '../../src/pipeline/text-folder.node.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';
import { smallText } from './small-text.js';

useEngine();

const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom text é🥁-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function copyFixtures(): void {
  for (const name of ['text_encoder', 'tokenizer']) cpSync(join(FIXTURES, name), join(folder, name), { recursive: true });
}

interface StatesReference {
  readonly prompts: string[];
  readonly states: { readonly shape: number[]; readonly data: number[] };
}

function readStates(): StatesReference {
  const text = readFileSync(join(FIXTURES, 'text-states.json'), 'utf8');
  if (createHash('sha256').update(text).digest('hex') !== readFileSync(join(FIXTURES, 'text-states.json.sha256'), 'utf8').trim()) throw new Error('text-states.json does not match its checksum');
  return JSON.parse(text) as StatesReference;
}

describe('text of a pipeline folder', () => {
  it('that the reference wrote gives its states for the same prompts', async () => {
    copyFixtures();
    const { prompts, states } = readStates();
    const text = await readText(folder);
    const got = encodePrompts(text, prompts);
    expectClose({ shape: got.shape, data: got.dataSync() }, states, { absolute: 1e-5, relative: 1e-4 });
    got.dispose();
    text.encoder.dispose();
  });

  it('comes back bit for bit within a pipeline, its tokenizer unchanged', async () => {
    copyFixtures();
    const before = tf.memory().numTensors;
    const pipeline = smallPipeline({ hasUnet: false, text: await readText(folder) });
    const saved = join(folder, 'pipeline');
    await savePipeline(saved, pipeline);
    const loaded = await loadPipeline(saved);
    expect(toReference(loaded.text!.encoder.parameters)).toEqual(toReference(pipeline.text!.encoder.parameters));
    expect(loaded.text!.encoder.config).toEqual(pipeline.text!.encoder.config);
    expect(readdirSync(join(saved, 'tokenizer')).toSorted()).toEqual(readdirSync(join(FIXTURES, 'tokenizer')).toSorted());
    for (const name of readdirSync(join(FIXTURES, 'tokenizer'))) expect(readFileSync(join(saved, 'tokenizer', name))).toEqual(readFileSync(join(FIXTURES, 'tokenizer', name)));
    expect(JSON.parse(readFileSync(join(saved, 'model_index.json'), 'utf8'))).toMatchObject({ text_encoder: ['transformers', 'CLIPTextModel'], tokenizer: ['transformers', 'CLIPTokenizer'] });
    expect(JSON.parse(readFileSync(join(saved, 'text_encoder', 'config.json'), 'utf8'))).toMatchObject(JSON.parse(readFileSync(join(FIXTURES, 'text_encoder', 'config.json'), 'utf8')) as object);
    expect(await modelHash(loaded)).toBe(await modelHash(pipeline));
    expect(await modelHash({ ...pipeline, text: null })).not.toBe(await modelHash(pipeline));
    loaded.dispose();
    pipeline.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('has the names of published weights', () => {
    const text = smallText();
    const bytes = textFiles(text).get('text_encoder/model.safetensors') as Uint8Array;
    expect([...decodeSafetensors(bytes, 'weights').keys()].every((name) => name.startsWith('text_model.'))).toBe(true);
    text.encoder.dispose();
  });

  it('is read under old and new names, without the old table of positions and with nothing else left out', () => {
    const tensor = { shape: [1], data: Float32Array.of(0) };
    const read = (...names: string[]): string[] => [...publishedNames(new Map(names.map((name) => [name, tensor]))).keys()];
    expect(read('final_layer_norm.weight', 'embeddings.position_ids')).toEqual(['text_model.final_layer_norm.weight']);
    expect(read('text_model.final_layer_norm.weight', 'text_model.embeddings.position_ids')).toEqual(['text_model.final_layer_norm.weight']);
    expect(read('text_model.a', 'text_projection.weight')).toEqual(['text_model.a', 'text_projection.weight']);
  });

  it('reads the configuration of a published encoder', () => {
    const published = {
      _name_or_path: 'openai/clip-vit-large-patch14', architectures: ['CLIPTextModel'], attention_dropout: 0, bos_token_id: 0, dropout: 0, eos_token_id: 2, hidden_act: 'quick_gelu',
      hidden_size: 768, initializer_factor: 1, initializer_range: 0.02, intermediate_size: 3072, layer_norm_eps: 1e-5, max_position_embeddings: 77, model_type: 'clip_text_model',
      num_attention_heads: 12, num_hidden_layers: 12, pad_token_id: 1, projection_dim: 768, torch_dtype: 'float32', transformers_version: '4.22.0.dev0', vocab_size: 49408,
    };
    expect(fromEncoderConfig(published, 'config.json')).toMatchObject({ hidden_size: 768, num_hidden_layers: 12, eos_token_id: 2, projection_dim: 768 });
  });

  const edit = (name: string, changes: object): void => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...changes }));
  };
  const damages: readonly (readonly [string, RegExp, () => void])[] = [
    ['no tokenizer', /tokenizer: got nothing of this name/, () => rmSync(join(folder, 'tokenizer'), { recursive: true })],
    ['an empty tokenizer', /tokenizer: got neither tokenizer.json nor vocab.json/, () => readdirSync(join(folder, 'tokenizer')).forEach((name) => rmSync(join(folder, 'tokenizer', name)))],
    ['no configuration', /text_encoder.config.json: got nothing of this name/, () => rmSync(join(folder, 'text_encoder', 'config.json'))],
    ['a configuration that is no JSON', /config.json: got no JSON/, () => writeFileSync(join(folder, 'text_encoder', 'config.json'), '[')],
    ['another encoder', /architectures/, () => edit('text_encoder/config.json', { architectures: ['T5EncoderModel'] })],
    ['another model type', /model_type: got "t5"/, () => edit('text_encoder/config.json', { model_type: 't5' })],
    ['an unknown key', /hiden_size/, () => edit('text_encoder/config.json', { hiden_size: 8 })],
    ['no weights', /model.safetensors: got nothing of this name/, () => rmSync(join(folder, 'text_encoder', 'model.safetensors'))],
    ['weights of another size', /text_model.*shape/s, () => edit('text_encoder/config.json', { hidden_size: 4 })],
  ];

  it.each(damages)('with %s is refused by name, and leaves no tensors', async (_, message, damage) => {
    copyFixtures();
    damage();
    const before = tf.memory().numTensors;
    await expect(readText(folder)).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });
});
