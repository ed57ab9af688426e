// Reads what a pipeline folder says, ours or one that the diffusers library made, without reading a weight.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import { recoverFolder } from './_whole-folder.node.js';
import { pickleError, readJsonFile } from './component-files.node.js';
import { audioLdmMel, fromAudioDiffusionMel, type FoundPipeline, type LeftOut } from './found-pipeline.js';
import { fromKept, fromMelConfig, fromModelIndex, fromUnetConfig, fromVaeConfig, KEPT_KEY, PIPELINE_CLASS } from './model-index.js';
import { fromSchedulerConfig } from './scheduler-config.js';
import { isConditionConfig, isUnetClass } from './unet-classes.js';
import { findVocoder, VOCODER_FOLDER } from './vocoder-folder.node.js';

/** Pipeline classes of diffusers whose parts are understood. */
export const ACCEPTED_CLASSES = ['DDPMPipeline', 'DDIMPipeline', 'LDMPipeline', 'AudioDiffusionPipeline', 'StableDiffusionPipeline', 'AudioLDMPipeline'] as const;

const VAE_CLASS = 'AutoencoderKL';

/**
 * Reads a pipeline folder's configurations. A run folder stands for its pipeline; a folder of one network
 * alone, with its config.json at the top, counts as well.
 *
 * @throws MelstromError that names the file when one is absent, damaged or holds what is not understood
 */
export async function findPipeline(wanted: string): Promise<FoundPipeline> {
  const folder = existsSync(join(wanted, 'config.yaml')) ? join(wanted, 'pipeline') : wanted;
  await recoverFolder(folder);
  await recoverFolder(join(folder, VOCODER_FOLDER));
  refuseFile(folder);
  const indexPath = join(folder, 'model_index.json');
  if (!existsSync(indexPath) && existsSync(join(folder, 'config.json'))) return findNetwork(folder);
  const index = readJsonFile(indexPath);
  const className = classNameOf(index);
  if (className === PIPELINE_CLASS) return findOwn(folder, index);
  if (!(ACCEPTED_CLASSES as readonly string[]).includes(className)) {
    throw new MelstromError({ kind: 'checkpoint', where: `${indexPath}: _class_name`, got: className, expected: `one of ${[PIPELINE_CLASS, ...ACCEPTED_CLASSES].join(', ')}` });
  }
  return findForeign(folder, className, index as Record<string, unknown>);
}

function refuseFile(folder: string): void {
  if (!existsSync(folder)) throw new MelstromError({ kind: 'usage', where: folder, got: 'no such folder', expected: 'a pipeline folder' });
  if (statSync(folder).isDirectory()) return;
  if (!folder.endsWith('.safetensors')) throw pickleError(folder);
  throw new MelstromError({
    kind: 'usage', where: folder, got: 'a single file', expected: 'a folder as the diffusers library lays it out',
    fix: 'Convert it in Python: StableDiffusionPipeline.from_single_file("<file>").save_pretrained("<folder>").',
  });
}

function findOwn(folder: string, raw: unknown): FoundPipeline {
  const at = (...names: string[]): string => join(folder, ...names);
  const index = fromModelIndex(raw, at('model_index.json'));
  const mel = fromMelConfig(readJsonFile(at('mel', 'mel_config.json')), at('mel', 'mel_config.json'));
  const { diffusion, scheduler } = fromSchedulerConfig(readJsonFile(at('scheduler', 'scheduler_config.json')), at('scheduler', 'scheduler_config.json'));
  const vae = index.representation === 'pixel' ? null : { config: fromVaeConfig(readJsonFile(at('vae', 'config.json')), at('vae', 'config.json')), folder: at('vae') };
  const unet = index.hasUnet ? { config: fromUnetConfig(readJsonFile(at('unet', 'config.json')), at('unet', 'config.json')), folder: at('unet') } : null;
  const { representation, vaeKind, labels, pixelScale, pixelShift } = index;
  const upscaler = findUpscaler(folder, index.upscalerFactor, index.hasUpscaler);
  return {
    folder, className: PIPELINE_CLASS, representation, vaeKind, vae, unet, upscaler, vocoder: findVocoder(folder, mel), hasText: index.hasText, labels, hasNullClass: true, diffusion, scheduler, mel, melReason: "the folder's own",
    latentScale: vae?.config.scaling_factor ?? pixelScale, latentShift: vae === null ? pixelShift : (vae.config.shift_factor ?? 0), leftOut: [],
  };
}

/** @throws MelstromError when its files are absent or of another class */
function findUpscaler(folder: string, factor: 2 | 4 | null, hasNetwork: boolean): FoundPipeline['upscaler'] {
  if (factor === null) return null;
  const [place, path] = [join(folder, 'upscaler'), join(folder, 'upscaler', 'config.json')];
  if (!hasNetwork) return { factor, network: null };
  const config = fromUnetConfig(readJsonFile(path), path);
  if (isConditionConfig(config)) throw new MelstromError({ kind: 'checkpoint', where: `${path}: _class_name`, got: 'UNet2DConditionModel', expected: 'UNet2DModel' });
  return { factor, network: { config, folder: place } };
}

/** The folder of a network alone. */
function findNetwork(folder: string): FoundPipeline {
  const config = readJsonFile(join(folder, 'config.json')) as Record<string, unknown>;
  const className = classNameOf(config);
  const part = isUnetClass(className) ? 'unet' : 'vae';
  const kept = KEPT_KEY in config ? { [KEPT_KEY]: config[KEPT_KEY] } : {};
  return findForeign(folder, className, { [part]: ['diffusers', className], ...kept }, '');
}

/** @param below where the parts' folders are: each under its name, or all at the top */
function findForeign(folder: string, className: string, index: Record<string, unknown>, below: string | null = null): FoundPipeline {
  const indexPath = join(folder, 'model_index.json');
  const leftOut: LeftOut[] = [];
  const found: Partial<Pick<FoundPipeline, 'vae' | 'unet' | 'diffusion' | 'scheduler' | 'mel' | 'melReason'>> = {};
  const kinds = new Map(partsOf(index));
  const hasText = kinds.get('text_encoder') === 'CLIPTextModel' && (kinds.get('tokenizer') ?? '').startsWith('CLIPTokenizer');
  let missingDecoder: string | null = null;
  for (const [part, kind] of kinds) {
    const place = join(folder, below ?? part);
    const read = <T>(name: string, convert: (raw: unknown, where: string) => T): T => convert(readJsonFile(join(place, name)), join(place, name));
    if (kind === VAE_CLASS) Object.assign(found, { vae: { config: read('config.json', fromVaeConfig), folder: place } });
    else if (isUnetClass(kind)) Object.assign(found, { unet: { config: read('config.json', fromUnetConfig), folder: place } });
    else if (hasText && (part === 'text_encoder' || part === 'tokenizer')) continue;
    else if (part === 'scheduler') Object.assign(found, read('scheduler_config.json', fromSchedulerConfig));
    else if (part === 'mel') {
      const { mel, reason } = read('mel_config.json', fromAudioDiffusionMel);
      Object.assign(found, { mel, melReason: reason });
    } else {
      if (part === 'vae' || part === 'vqvae') missingDecoder = kind;
      leftOut.push({ part: `${part} (${kind})`, reason: reasonFor(part, kind) });
    }
  }
  const { vae = null, unet = null } = found;
  if (missingDecoder !== null || (vae === null && unet === null)) {
    throw new MelstromError({
      kind: 'checkpoint', where: indexPath, got: `${missingDecoder === null ? 'no network' : missingDecoder} that can be run here`, expected: `${VAE_CLASS}, UNet2DModel or UNet2DConditionModel`,
    });
  }
  const kept = fromKept(index, indexPath);
  if (className === 'AudioLDMPipeline') {
    const { mel, reason } = audioLdmMel();
    Object.assign(found, { mel, melReason: reason });
  }
  const mel = kept?.mel ?? found.mel ?? null;
  return {
    folder, className, vae, unet, hasText, leftOut, mel,
    vocoder: mel === null ? null : findVocoder(folder, mel),
    upscaler: findUpscaler(folder, kept?.upscalerFactor ?? null, existsSync(join(folder, 'upscaler'))),
    representation: vae === null ? 'pixel' : 'latent',
    vaeKind: kept?.vaeKind ?? 'kl',
    labels: kept?.labels ?? classNames(unet?.config.num_class_embeds ?? 0),
    hasNullClass: kept !== null,
    diffusion: found.diffusion ?? null,
    scheduler: found.scheduler ?? null,
    melReason: kept === null ? (found.melReason ?? '') : "the folder's own",
    latentScale: vae?.config.scaling_factor ?? kept?.pixelScale ?? 1,
    latentShift: vae === null ? (kept?.pixelShift ?? 0) : (vae.config.shift_factor ?? 0),
  };
}

/** Name and class of every part that is not empty. */
function partsOf(index: Record<string, unknown>): [string, string][] {
  return Object.entries(index).flatMap(([part, value]) => (Array.isArray(value) && typeof value[1] === 'string' && !part.startsWith('_') ? [[part, value[1]]] : []));
}

function reasonFor(part: string, kind: string): string {
  if (kind.startsWith('Clap') || kind.startsWith('Roberta')) return 'the CLAP encoder of prompts is not run here; the networks can be retrained with labels';
  if (part === 'vocoder') return 'clips are inverted by Griffin-Lim here';
  if (part === 'safety_checker' || part === 'feature_extractor' || part === 'image_encoder') return 'it looks at photographs';
  if (part.startsWith('text_encoder') || part.startsWith('tokenizer')) return 'prompts of this kind are not read here';
  return `${kind} is not run here`;
}

/** The reference numbers its classes and gives them no names. */
function classNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `class ${index}`);
}

function classNameOf(raw: unknown): string {
  const name = (raw as { _class_name?: unknown } | null)?._class_name;
  return typeof name === 'string' ? name : String(name ?? 'no _class_name');
}
