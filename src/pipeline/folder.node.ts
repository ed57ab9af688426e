// Pipelines to and from folders laid out as the reference library does.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { referenceFile, type FloatDtype } from '../nn/index.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { writeFolder, type FileContents } from './_whole-folder.node.js';
import { findPipeline } from './find-pipeline.node.js';
import { importPipeline } from './import.node.js';
import { PIPELINE_CLASS, toMelConfig, toModelIndex, toUnetConfig, toVaeConfig } from './model-index.js';
import type { Pipeline, Upscaler } from './pipeline.js';
import { toSchedulerConfig } from './scheduler-config.js';
import { textFiles } from './text-folder.node.js';
import { VOCODER_FOLDER, vocoderFiles } from './vocoder-folder.node.js';

/** Where the reference looks for a network's weights. */
export const WEIGHTS = 'diffusion_pytorch_model.safetensors';

export interface SavePipelineOptions {
  /** How weights are stored; F16 and BF16 round. Default F32, which is exact. */
  readonly dtype?: FloatDtype;
}

/**
 * Writes a pipeline with the weights in use now. The folder appears whole or not at all; an older one is replaced.
 *
 * Memory: one tensor at a time beside the pipeline's own.
 * @throws MelstromError when it cannot be written, or holds files that are not a pipeline's
 */
export async function savePipeline(folder: string, pipeline: Pipeline, { dtype = 'F32' }: SavePipelineOptions = {}): Promise<void> {
  const files = new Map<string, FileContents>([
    ['mel/mel_config.json', toJson(toMelConfig(pipeline))],
    ['scheduler/scheduler_config.json', toJson(toSchedulerConfig(pipeline))],
    ['model_index.json', toJson(toModelIndex(pipeline))],
  ]);
  if (pipeline.vae !== null) {
    files.set('vae/config.json', toJson(toVaeConfig(pipeline)));
    files.set(`vae/${WEIGHTS}`, referenceFile(pipeline.vae.parameters, dtype));
  }
  if (pipeline.unet !== null) {
    files.set('unet/config.json', toJson(toUnetConfig(pipeline)));
    files.set(`unet/${WEIGHTS}`, referenceFile(pipeline.unet.parameters, dtype));
  }
  if (pipeline.upscaler?.unet) for (const [path, contents] of upscalerFiles(pipeline.upscaler.unet, dtype)) files.set(path, contents);
  if (pipeline.text !== null) for (const [path, contents] of textFiles(pipeline.text, dtype)) files.set(path, contents);
  if (pipeline.vocoder !== null) for (const [name, contents] of vocoderFiles(pipeline.vocoder, dtype)) files.set(`${VOCODER_FOLDER}/${name}`, contents);
  await requirePipelineFolder(folder);
  await writeFolder(folder, files);
}

/** The files of an upscaler by their paths in a pipeline folder: those of a UNet2DModel. */
export function upscalerFiles(unet: NonNullable<Upscaler['unet']>, dtype: FloatDtype): Map<string, FileContents> {
  return new Map<string, FileContents>([['upscaler/config.json', toJson(toUnetConfig({ unet }))], [`upscaler/${WEIGHTS}`, referenceFile(unet.parameters, dtype)]]);
}

/** A folder is replaced whole, so one that holds anything but a pipeline must not be. @throws MelstromError when it does */
export async function requirePipelineFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((thrown: { code?: string }): string[] => {
    if (thrown.code === 'ENOENT') return [];
    throw new MelstromError({ kind: 'data', where: folder, got: messageOf(thrown), expected: 'a folder that can be written', cause: thrown });
  });
  const isNetwork = names.includes('config.json') && names.includes(WEIGHTS);
  const isVocoder = names.every((name) => name === VOCODER_FOLDER || name.startsWith(`.${VOCODER_FOLDER}`)); // trained before everything else; perhaps cut off while it was saved
  if (names.length === 0 || names.includes('model_index.json') || isNetwork || isVocoder) return;
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
  const found = await findPipeline(folder);
  if (found.className !== PIPELINE_CLASS || found.mel === null) {
    throw new MelstromError({ kind: 'checkpoint', where: `${folder}: _class_name`, got: found.className, expected: PIPELINE_CLASS, fix: `Import it first: melstrom import ${folder} --out <pipeline folder>.` });
  }
  if (expectedMel !== undefined) assertSameCodec(found.mel, expectedMel, join(folder, 'mel', 'mel_config.json'));
  return (await importPipeline(folder)).pipeline;
}

/** As files of a pipeline folder are written. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
