// Pipelines to and from folders laid out as the reference library does.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { createAutoencoderKL, createUnet2d } from '../models/index.js';
import { decodeSafetensors, encodeSafetensors, fromReference, toReference, type ParameterTree } from '../nn/index.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { recoverFolder, writeFolder } from './_whole-folder.node.js';
import { fromMelConfig, fromModelIndex, fromUnetConfig, fromVaeConfig, toMelConfig, toModelIndex, toUnetConfig, toVaeConfig } from './model-index.js';
import { createPipeline, type Pipeline } from './pipeline.js';
import { fromSchedulerConfig, toSchedulerConfig } from './scheduler-config.js';
import { readText, textFiles } from './text-folder.node.js';

const WEIGHTS = 'diffusion_pytorch_model.safetensors';

/**
 * Writes a pipeline with the weights in use now. The folder appears whole or not at all; an older one is replaced.
 *
 * @throws MelstromError when it cannot be written, or holds files that are not a pipeline's
 */
export async function savePipeline(folder: string, pipeline: Pipeline): Promise<void> {
  const files = new Map<string, Uint8Array | string>([
    ['mel/mel_config.json', toJson(toMelConfig(pipeline))],
    ['scheduler/scheduler_config.json', toJson(toSchedulerConfig(pipeline.diffusion))],
    ['model_index.json', toJson(toModelIndex(pipeline))],
  ]);
  if (pipeline.vae !== null) {
    files.set('vae/config.json', toJson(toVaeConfig(pipeline)));
    files.set(`vae/${WEIGHTS}`, encodeSafetensors(toReference(pipeline.vae.parameters)));
  }
  if (pipeline.unet !== null) {
    files.set('unet/config.json', toJson(toUnetConfig(pipeline)));
    files.set(`unet/${WEIGHTS}`, encodeSafetensors(toReference(pipeline.unet.parameters)));
  }
  if (pipeline.text !== null) for (const [path, contents] of textFiles(pipeline.text)) files.set(path, contents);
  await refuseForeign(folder);
  await writeFolder(folder, files);
}

/** A folder is replaced whole, so one that holds anything but a pipeline must not be. */
async function refuseForeign(folder: string): Promise<void> {
  const names = await readdir(folder).catch((thrown: { code?: string }): string[] => {
    if (thrown.code === 'ENOENT') return [];
    throw new MelstromError({ kind: 'data', where: folder, got: messageOf(thrown), expected: 'a folder that can be written', cause: thrown });
  });
  if (names.length === 0 || names.includes('model_index.json')) return;
  throw new MelstromError({ kind: 'usage', where: folder, got: `a folder with other files (${names[0]})`, expected: 'a pipeline folder, an empty folder or a new name' });
}

/** What a caller may ask of the folder. */
export interface LoadPipelineOptions {
  /** The mel settings that sounds at hand were analysed with; others are refused by the names of the settings that differ. */
  readonly expectedMel?: MelSettings;
}

/**
 * Reads a pipeline folder. Memory: the caller disposes the pipeline.
 *
 * @throws MelstromError that names the file when one is absent, damaged or does not fit the others
 */
export async function loadPipeline(folder: string, { expectedMel }: LoadPipelineOptions = {}): Promise<Pipeline> {
  await recoverFolder(folder);
  const read = <T>(name: string, convert: (raw: unknown, where: string) => T): Promise<T> => readJson(join(folder, name)).then((raw) => convert(raw, join(folder, name)));
  const index = await read('model_index.json', fromModelIndex);
  const mel = await read('mel/mel_config.json', fromMelConfig);
  if (expectedMel !== undefined) assertSameCodec(mel, expectedMel, join(folder, 'mel', 'mel_config.json'));
  const diffusion = await read('scheduler/scheduler_config.json', fromSchedulerConfig);
  const loaded: { dispose(): void }[] = [];
  const own = <N extends { dispose(): void }>(network: N): N => {
    loaded.push(network);
    return network;
  };
  try {
    const vae = index.representation === 'pixel' ? null : own(createAutoencoderKL(await read('vae/config.json', fromVaeConfig), { seed: null }));
    const unet = index.hasUnet ? own(createUnet2d(await read('unet/config.json', fromUnetConfig), { seed: null })) : null;
    const text = index.hasText ? await readText(folder) : null;
    if (text !== null) own(text.encoder);
    const { representation, vaeKind, labels, pixelScale, pixelShift } = index;
    const pipeline = createPipeline({
      mel, representation, vaeKind, labels, diffusion, vae, unet, text,
      latentScale: vae === null ? pixelScale : vae.config.scaling_factor,
      latentShift: vae === null ? pixelShift : (vae.config.shift_factor ?? 0),
    });
    if (vae !== null) await loadWeights(join(folder, 'vae', WEIGHTS), vae.parameters);
    if (unet !== null) await loadWeights(join(folder, 'unet', WEIGHTS), unet.parameters);
    return pipeline;
  } catch (thrown) {
    for (const network of loaded) network.dispose();
    throw thrown;
  }
}

async function loadWeights(path: string, parameters: ParameterTree): Promise<void> {
  fromReference(parameters, decodeSafetensors(await readBytes(path), path), path);
}

async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readBytes(path));
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new MelstromError({ kind: 'checkpoint', where: path, got: `no JSON (${messageOf(thrown)})`, expected: 'a file written by Melstrom', cause: thrown });
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (thrown) {
    const isAbsent = (thrown as { code?: string }).code === 'ENOENT';
    throw new MelstromError({
      kind: 'checkpoint',
      where: path,
      got: isAbsent ? 'no such file' : messageOf(thrown),
      expected: 'a file of a pipeline folder',
      fix: isAbsent ? 'Check the folder, or train first.' : undefined,
      cause: thrown,
    });
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
