// The head of a pipeline folder, model_index.json, and the configurations beside the weights.
import { z } from 'zod';
import { MelstromError } from '../base/errors.js';
import { autoencoderKlReferenceDefaults, autoencoderKlSchema, type AutoencoderKLConfig } from '../config/autoencoder-kl.js';
import { melSchema, type MelSettings } from '../config/mel.js';
import { configurationError, problemsOf } from '../config/problems.js';
import { unet2dReferenceDefaults, unet2dSchema, type Unet2dConfig } from '../config/unet-2d.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import type { Pipeline } from './pipeline.js';
import { MELSTROM_VERSION } from './version.js';

export const PIPELINE_CLASS = 'MelstromPipeline';
export const CODEC_CLASS = 'MelstromMelCodec';
/** The version of the reference whose layout is written. */
export const REFERENCE_VERSION = '0.42.1';

const indexSchema = z.looseObject({
  _class_name: z.literal(PIPELINE_CLASS),
  _melstrom_version: z.string(),
  representation: z.enum(['latent', 'pixel']),
  vae_kind: z.enum(['kl', 'plain']),
  id2label: z.record(z.string(), z.string()),
  pixel_scale: z.number().optional(),
  pixel_shift: z.number().optional(),
  unet: z.array(z.string().nullable()).length(2),
  text_encoder: z.union([z.tuple([z.literal('transformers'), z.literal('CLIPTextModel')]), z.tuple([z.null(), z.null()])]).optional(),
});

/** What model_index.json says. */
export interface ModelIndex {
  readonly representation: Pipeline['representation'];
  readonly vaeKind: Pipeline['vaeKind'];
  readonly labels: readonly string[];
  readonly hasUnet: boolean;
  readonly hasText: boolean;
  readonly pixelScale: number;
  readonly pixelShift: number;
}

/** The text of model_index.json as plain data. Labels are under id2label, as the reference's class-conditional pipelines keep them. */
export function toModelIndex(pipeline: Pipeline): Record<string, unknown> {
  const { representation, vaeKind, labels, vae, unet, text, latentScale, latentShift } = pipeline;
  return {
    _class_name: PIPELINE_CLASS,
    _diffusers_version: REFERENCE_VERSION,
    _melstrom_version: MELSTROM_VERSION,
    representation,
    vae_kind: vaeKind,
    ...(vae === null ? { pixel_scale: latentScale, pixel_shift: latentShift } : {}),
    id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
    scheduler: ['diffusers', pipeline.diffusion.predictionType === 'flow' ? 'FlowMatchEulerDiscreteScheduler' : 'DDIMScheduler'],
    ...(text === null ? {} : { text_encoder: ['transformers', 'CLIPTextModel'], tokenizer: ['transformers', 'CLIPTokenizer'] }),
    unet: unet === null ? [null, null] : ['diffusers', 'UNet2DModel'],
    vae: vae === null ? [null, null] : ['diffusers', 'AutoencoderKL'],
  };
}

/** @throws MelstromError when it is not a pipeline of ours, or the labels are not numbered 0, 1, 2 … */
export function fromModelIndex(raw: unknown, where: string): ModelIndex {
  const index = parse(indexSchema, raw, where);
  const count = Object.keys(index.id2label).length;
  const labels = Array.from({ length: count }, (_, id) => index.id2label[String(id)]);
  if (labels.includes(undefined as never)) {
    throw new MelstromError({ kind: 'checkpoint', where: `${where}: id2label`, got: Object.keys(index.id2label).join(', '), expected: `the numbers 0 to ${count - 1}` });
  }
  return {
    representation: index.representation,
    vaeKind: index.vae_kind,
    labels,
    hasUnet: index.unet[0] !== null,
    hasText: (index.text_encoder?.[0] ?? null) !== null,
    pixelScale: index.pixel_scale ?? 1,
    pixelShift: index.pixel_shift ?? 0,
  };
}

/** The autoencoder's config.json, with the scale that was measured. */
export function toVaeConfig({ vae, latentScale, latentShift }: Pipeline): Record<string, unknown> {
  return { ...networkHead('AutoencoderKL'), ...vae!.config, scaling_factor: latentScale, shift_factor: latentShift === 0 ? null : latentShift };
}

/** @throws MelstromError of kind 'configuration' that names what does not fit */
export function fromVaeConfig(raw: unknown, where: string): AutoencoderKLConfig {
  return parse(autoencoderKlSchema, { ...autoencoderKlReferenceDefaults, ...ownKeys(raw, where, 'AutoencoderKL') }, where);
}

export function toUnetConfig({ unet }: Pipeline): Record<string, unknown> {
  return { ...networkHead('UNet2DModel'), ...unet!.config };
}

/** @throws MelstromError of kind 'configuration' that names what does not fit */
export function fromUnetConfig(raw: unknown, where: string): Unet2dConfig {
  return parse(unet2dSchema, { ...unet2dReferenceDefaults, ...ownKeys(raw, where, 'UNet2DModel') }, where);
}

export function toMelConfig({ mel }: Pipeline): Record<string, unknown> {
  return { _class_name: CODEC_CLASS, _melstrom_version: MELSTROM_VERSION, _codec_hash: codecHash(mel), ...mel };
}

/** @throws MelstromError when a setting is wrong or absent, or they are not the ones the networks were trained with */
export function fromMelConfig(raw: unknown, where: string): MelSettings {
  const settings = ownKeys(raw, where, CODEC_CLASS);
  const absent = Object.keys(melSchema.shape).filter((key) => !(key in settings));
  if (absent.length > 0) throw new MelstromError({ kind: 'checkpoint', where, got: `no ${absent.join(', no ')}`, expected: 'every setting of the mel codec' });
  const mel = Object.freeze(parse(melSchema, settings, where));
  const recorded = (raw as { _codec_hash?: unknown })._codec_hash;
  if (recorded !== codecHash(mel)) {
    throw new MelstromError({
      kind: 'checkpoint',
      where,
      got: `settings of the codec ${codecHash(mel)}`,
      expected: `those of ${String(recorded)}, with which the networks were trained`,
      fix: 'The file was changed by hand; put the settings back as they were.',
    });
  }
  return mel;
}

function networkHead(className: string): Record<string, string> {
  return { _class_name: className, _diffusers_version: REFERENCE_VERSION };
}

/** Keys without a leading underscore, after checking the class. */
function ownKeys(raw: unknown, where: string, className: string): Record<string, unknown> {
  const head = parse(z.looseObject({ _class_name: z.literal(className) }), raw, where);
  return Object.fromEntries(Object.entries(head).filter(([key]) => !key.startsWith('_')));
}

function parse<S extends z.ZodType>(schema: S, raw: unknown, where: string): z.output<S> {
  const result = schema.safeParse(raw);
  if (!result.success) throw configurationError(where, problemsOf(schema, raw, result.error.issues));
  return result.data;
}
