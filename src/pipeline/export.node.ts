// Writes a pipeline as a folder that the diffusers library opens as one of its own classes.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { referenceFile, type FloatDtype } from '../nn/index.js';
import { writeFolder, type FileContents } from './_whole-folder.node.js';
import { requirePipelineFolder, toJson, upscalerFiles, WEIGHTS } from './folder.node.js';
import { foldShift } from './fold-shift.js';
import { REFERENCE_VERSION, toKept, toUnetConfig, toVaeConfig } from './model-index.js';
import type { Pipeline } from './pipeline.js';
import { schedulerClassOf, toSchedulerConfig } from './scheduler-config.js';
import { textFiles } from './text-folder.node.js';
import { unetClassOf } from './unet-classes.js';
import { VOCODER_FOLDER, vocoderFiles } from './vocoder-folder.node.js';

/** Classes that a folder can be written as: of a pipeline, or of an autoencoder alone. */
export const EXPORT_CLASSES = ['DDIMPipeline', 'DDPMPipeline', 'LDMPipeline', 'AudioDiffusionPipeline', 'StableDiffusionPipeline', 'AutoencoderKL'] as const;
export type ExportClass = (typeof EXPORT_CLASSES)[number];

export interface ExportOptions {
  /** How weights are stored; F16 and BF16 round. Default F32, which is exact. */
  readonly dtype?: FloatDtype;
  /** Default: DDIMPipeline for pixels, StableDiffusionPipeline where there is a text encoder, else LDMPipeline for latents, AutoencoderKL where there is no UNet. */
  readonly pipelineClass?: ExportClass;
}

export interface ExportReport {
  readonly className: ExportClass;
  /** What was changed on the way, and what the class there does not do, in words. */
  readonly notes: readonly string[];
}

/**
 * Writes the folder, whole or not at all; an older one is replaced. What diffusers has no place for, such as labels and mel settings, lies
 * under a key that it passes over, so that the folder can be imported again.
 *
 * Memory: one tensor at a time beside the pipeline's own.
 * @throws MelstromError when the pipeline has not the parts of the class, or the folder cannot be written
 */
export async function exportPipeline(folder: string, pipeline: Pipeline, options: ExportOptions = {}): Promise<ExportReport> {
  const { dtype = 'F32', pipelineClass: className = defaultClass(pipeline) } = options;
  requireParts(pipeline, className);
  await requirePipelineFolder(folder);
  const { files, notes } = describe(pipeline, className, dtype);
  await writeFolder(folder, files);
  return { className, notes };
}

function defaultClass({ representation, unet, text }: Pipeline): ExportClass {
  if (unet === null) return 'AutoencoderKL';
  if (text !== null && representation === 'latent') return 'StableDiffusionPipeline';
  return representation === 'pixel' ? 'DDIMPipeline' : 'LDMPipeline';
}

function requireParts({ representation, unet, vae, upscaler, mel, text }: Pipeline, className: ExportClass): void {
  const refuse = (got: string, expected: string): MelstromError => new MelstromError({ kind: 'usage', where: `--pipeline-class ${className}`, got, expected, fix: 'Leave it out to get the class that fits.' });
  if (className === 'AutoencoderKL') {
    if (vae === null) throw refuse('a pipeline on pixels', 'one with an autoencoder');
    return;
  }
  if (unet === null) throw refuse('a pipeline without UNet', 'one with a UNet');
  if (className === 'StableDiffusionPipeline' && (text === null || vae === null)) throw refuse(text === null ? 'a pipeline without text encoder' : 'a pipeline on pixels', 'one with an autoencoder and a text encoder');
  if (className === 'LDMPipeline' && representation === 'pixel') throw refuse('a pipeline on pixels', 'one with an autoencoder');
  if ((className === 'DDIMPipeline' || className === 'DDPMPipeline') && representation === 'latent') throw refuse('a pipeline with an autoencoder', 'one on pixels');
  if (className === 'AudioDiffusionPipeline' && upscaler !== null) throw refuse('a pipeline that draws a small image first', 'one whose UNet draws the whole image');
  if (className === 'AudioDiffusionPipeline') requireAudioDiffusionMel(mel, refuse);
}

function requireAudioDiffusionMel(mel: MelSettings, refuse: (got: string, expected: string) => MelstromError): void {
  const { melScale, melNorm, minHz, maxHz, sampleRateHz, windowSamples, fftSize } = mel;
  if (mel.channels === 2) throw refuse('a pipeline of stereo sound', 'one of one channel, as its Mel class makes images');
  const got = JSON.stringify({ melScale, melNorm, minHz, maxHz, windowSamples });
  const expected = { melScale: 'slaney', melNorm: 'slaney', minHz: 0, maxHz: sampleRateHz / 2, windowSamples: fftSize };
  if (got !== JSON.stringify(expected)) throw refuse(`mel settings ${got}`, `${JSON.stringify(expected)}, as its Mel class has them`);
}

function describe(pipeline: Pipeline, className: ExportClass, dtype: FloatDtype): { files: Map<string, FileContents>; notes: string[] } {
  const { vae, unet, upscaler, text, latentShift, latentScale, representation, labels, mel } = pipeline;
  const files = new Map<string, FileContents>();
  const notes: string[] = [];
  const isAlone = className === 'AutoencoderKL';
  const isText = className === 'StableDiffusionPipeline';
  const vaeName = isText ? 'vae' : 'vqvae';
  const vaePlace = isAlone ? '' : `${vaeName}/`;
  if (vae !== null) {
    const folded = latentShift === 0 ? null : foldShift(vae, latentShift);
    if (folded !== null) notes.push(`the shift of latents, ${latentShift.toPrecision(4)}, is moved into quant_conv and post_quant_conv, since the class knows only their scale`);
    else if (latentShift !== 0) notes.push(`latents must be shifted by ${latentShift.toPrecision(4)} by hand (shift_factor): the class knows only their scale`);
    const config = { ...toVaeConfig(pipeline), ...(folded === null ? {} : { shift_factor: null }), ...(isAlone ? toKept(pipeline) : {}) };
    files.set(`${vaePlace}config.json`, toJson(config));
    files.set(`${vaePlace}${WEIGHTS}`, referenceFile(vae.parameters, dtype, folded ?? undefined));
  }
  if (isAlone) return { files, notes };
  const unetConfig = squareAsNumber(toUnetConfig(pipeline));
  files.set('unet/config.json', toJson(unetConfig));
  files.set(`unet/${WEIGHTS}`, referenceFile(unet!.parameters, dtype));
  files.set('scheduler/scheduler_config.json', toJson(toSchedulerConfig(pipeline)));
  if (isText) for (const [path, contents] of textFiles(text!, dtype)) files.set(path, contents);
  if (upscaler !== null) notes.push(`the class draws the image that is ${upscaler.factor} times smaller; upscaler/ is a UNet2DModel for the whole one, which it does not know`);
  if (upscaler?.unet) for (const [path, contents] of upscalerFiles(upscaler.unet, dtype)) files.set(path, contents);
  if (pipeline.vocoder !== null) {
    for (const [name, contents] of vocoderFiles(pipeline.vocoder, dtype)) files.set(`${VOCODER_FOLDER}/${name}`, contents);
    notes.push('vocoder/ turns images into sound here; diffusers does not know it');
  }
  if (className === 'AudioDiffusionPipeline') files.set('mel/mel_config.json', toJson(toAudioDiffusionMel(mel)));
  files.set('model_index.json', toJson({
    _class_name: className,
    _diffusers_version: REFERENCE_VERSION,
    ...toKept(pipeline),
    ...(className === 'AudioDiffusionPipeline' ? { mel: ['diffusers', 'Mel'] } : {}),
    scheduler: ['diffusers', schedulerClassOf(pipeline.scheduler)],
    ...(isText ? STABLE_DIFFUSION_PARTS : {}),
    unet: ['diffusers', unetClassOf(unet!.config)],
    ...(vae !== null ? { [vaeName]: ['diffusers', 'AutoencoderKL'] } : className === 'AudioDiffusionPipeline' ? { vqvae: [null, null] } : {}),
  }));
  if (labels.length > 0) notes.push(`${className} knows no classes: call its unet with class_labels, 0 to ${labels.length - 1} for ${labels.slice(0, 3).join(', ')}${labels.length > 3 ? ' …' : ''}, ${labels.length} for none`);
  if (representation === 'pixel' && (latentScale !== 1 || latentShift !== 0)) notes.push(`images are its samples / ${latentScale.toPrecision(4)} + ${latentShift.toPrecision(4)}`);
  if (className === 'LDMPipeline') notes.push(...ldmNotes(unetConfig.sample_size));
  if (className === 'AudioDiffusionPipeline') notes.push('diffusers remarks that unet is a UNet2DModel and no UNet2DConditionModel; it runs nevertheless');
  return { files, notes };
}

/** Rows and columns as one number where they are the same, which is all that LDMPipeline draws. */
function squareAsNumber(config: Record<string, unknown>): Record<string, unknown> {
  const size = config.sample_size;
  return Array.isArray(size) && size[0] === size[1] ? { ...config, sample_size: size[0] } : config;
}

function ldmNotes(size: unknown): string[] {
  return [
    ...(typeof size === 'number' ? [] : [`LDMPipeline draws squares alone, and this UNet was made for ${Array.isArray(size) ? size.join(' × ') : 'no size of its own'}: call its unet and vqvae`]),
    'LDMPipeline.from_pretrained remarks that vqvae is an AutoencoderKL, where the class has VQModel: diffusers has none for an AutoencoderKL with a UNet2DModel. It runs nevertheless; '
      + 'LDMPipeline(vqvae=…, unet=…, scheduler=…), each part opened from its folder, says nothing',
  ];
}

/** What the class has beside networks: prompts, and parts that look at photographs, which are left empty. */
const STABLE_DIFFUSION_PARTS = Object.freeze({
  feature_extractor: [null, null],
  image_encoder: [null, null],
  requires_safety_checker: false,
  safety_checker: [null, null],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
});

function toAudioDiffusionMel(mel: MelSettings): Record<string, unknown> {
  return {
    _class_name: 'Mel', _diffusers_version: REFERENCE_VERSION, x_res: mel.frames, y_res: mel.melBins, sample_rate: mel.sampleRateHz, n_fft: mel.fftSize,
    hop_length: mel.hopSamples, top_db: Math.round(mel.ceilingDb - mel.floorDb), n_iter: 32,
  };
}
