// The head of a pipeline folder, model_index.json, and the configurations beside the weights.
import { z } from 'zod';
import { MelstromError } from '../base/errors.js';
import { autoencoderKlReferenceDefaults, autoencoderKlSchema, type AutoencoderKLConfig } from '../config/autoencoder-kl.js';
import { melSchema, type MelSettings } from '../config/mel.js';
import { storedMel } from '../config/mel-layout.js';
import { configurationError, problemsOf } from '../config/problems.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import { schedulerClassOf } from './_scheduler-classes.js';
import type { Pipeline } from './pipeline.js';
import { UNET_SCHEMAS, unetClassOf, type AnyUnetConfig } from './unet-classes.js';
import { MELSTROM_VERSION } from './version.js';

export const PIPELINE_CLASS = 'MelstromPipeline';
export const CODEC_CLASS = 'MelstromMelCodec';
/** The version of the reference whose layout is written. */
export const REFERENCE_VERSION = '0.42.1';

const ownFields = {
  _melstrom_version: z.string(),
  representation: z.enum(['latent', 'pixel']),
  vae_kind: z.enum(['kl', 'plain']),
  id2label: z.record(z.string(), z.string()),
  pixel_scale: z.number().optional(),
  pixel_shift: z.number().optional(),
  upscaler_factor: z.literal([2, 4]).optional(),
};

const textEncoder = z.union([z.tuple([z.literal('transformers'), z.literal('CLIPTextModel')]), z.tuple([z.null(), z.null()])]).optional();
const indexSchema = z.looseObject({ _class_name: z.literal(PIPELINE_CLASS), ...ownFields, unet: z.array(z.string().nullable()).length(2), upscaler: z.array(z.string().nullable()).length(2).optional(), text_encoder: textEncoder });
/** Under a key that the reference passes over, what an exported folder keeps of a pipeline of ours. */
const keptSchema = z.looseObject({ ...ownFields, mel: z.looseObject({}) });
export const KEPT_KEY = '_melstrom';

/** What model_index.json says. */
export interface ModelIndex {
  readonly representation: Pipeline['representation'];
  readonly vaeKind: Pipeline['vaeKind'];
  readonly labels: readonly string[];
  readonly pixelScale: number;
  readonly pixelShift: number;
  /** How many times smaller what the UNet draws is; null where it draws the whole image. */
  readonly upscalerFactor: 2 | 4 | null;
}

/** The text of model_index.json as plain data. Labels are under id2label, as the reference's class-conditional pipelines keep them. */
export function toModelIndex(pipeline: Pipeline): Record<string, unknown> {
  const { vae, unet, text, upscaler } = pipeline;
  return {
    _class_name: PIPELINE_CLASS,
    _diffusers_version: REFERENCE_VERSION,
    ...ownKeysOf(pipeline),
    scheduler: ['diffusers', schedulerClassOf(pipeline.scheduler)],
    ...(text === null ? {} : { text_encoder: ['transformers', 'CLIPTextModel'], tokenizer: ['transformers', 'CLIPTokenizer'] }),
    unet: unet === null ? [null, null] : ['diffusers', unetClassOf(unet.config)],
    ...(upscaler === null ? {} : { upscaler: upscaler.unet === null ? [null, null] : ['diffusers', 'UNet2DModel'] }),
    vae: vae === null ? [null, null] : ['diffusers', 'AutoencoderKL'],
  };
}

/** What an exported folder keeps beside what the reference knows, so that it can be imported again as it was. */
export function toKept(pipeline: Pipeline): Record<string, unknown> {
  return { [KEPT_KEY]: { ...ownKeysOf(pipeline), mel: toMelConfig(pipeline) } };
}

function ownKeysOf({ representation, vaeKind, labels, vae, upscaler, latentScale, latentShift }: Pipeline): Record<string, unknown> {
  return {
    _melstrom_version: MELSTROM_VERSION,
    representation,
    vae_kind: vaeKind,
    ...(vae === null ? { pixel_scale: latentScale, pixel_shift: latentShift } : {}),
    ...(upscaler === null ? {} : { upscaler_factor: upscaler.factor }),
    id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
  };
}

/** @throws MelstromError when it is not a pipeline of ours, or the labels are not numbered 0, 1, 2 … */
export function fromModelIndex(raw: unknown, where: string): ModelIndex & { readonly hasUnet: boolean; readonly hasText: boolean; readonly hasUpscaler: boolean } {
  const index = parse(indexSchema, raw, where);
  return { ...readOwn(index, where), hasUnet: index.unet[0] !== null, hasText: (index.text_encoder?.[0] ?? null) !== null, hasUpscaler: (index.upscaler?.[0] ?? null) !== null };
}

/** What an exported folder kept, or null for a folder that the reference made. @throws MelstromError when it does not hold together */
export function fromKept(raw: Readonly<Record<string, unknown>>, where: string): (ModelIndex & { readonly mel: MelSettings }) | null {
  if (!(KEPT_KEY in raw)) return null;
  const place = `${where}: ${KEPT_KEY}`;
  const kept = parse(keptSchema, raw[KEPT_KEY], place);
  return { ...readOwn(kept, place), mel: fromMelConfig(kept.mel, `${place}.mel`) };
}

function readOwn(index: z.output<typeof keptSchema> | z.output<typeof indexSchema>, where: string): ModelIndex {
  const count = Object.keys(index.id2label).length;
  const labels = Array.from({ length: count }, (_, id) => index.id2label[String(id)]);
  if (labels.includes(undefined as never)) {
    throw new MelstromError({ kind: 'checkpoint', where: `${where}: id2label`, got: Object.keys(index.id2label).join(', '), expected: `the numbers 0 to ${count - 1}` });
  }
  const { representation, vae_kind: vaeKind, pixel_scale: pixelScale = 1, pixel_shift: pixelShift = 0, upscaler_factor: upscalerFactor = null } = index;
  return { representation, vaeKind, labels, pixelScale, pixelShift, upscalerFactor };
}

/** The autoencoder's config.json, with the scale that was measured. */
export function toVaeConfig({ vae, latentScale, latentShift }: Pipeline): Record<string, unknown> {
  return { ...networkHead('AutoencoderKL'), ...vae!.config, scaling_factor: latentScale, shift_factor: latentShift === 0 ? null : latentShift };
}

/** @throws MelstromError of kind 'configuration' that names what does not fit */
export function fromVaeConfig(raw: unknown, where: string): AutoencoderKLConfig {
  return parse(autoencoderKlSchema, { ...autoencoderKlReferenceDefaults, ...ownKeys(raw, where, 'AutoencoderKL') }, where);
}

/** A UNet's config.json: the pipeline's own, or its upscaler's. */
export function toUnetConfig({ unet }: Pick<Pipeline, 'unet'>): Record<string, unknown> {
  return { ...networkHead(unetClassOf(unet!.config)), ...unet!.config };
}

/** A UNet's configuration of either class. @throws MelstromError of kind 'configuration' that names what does not fit */
export function fromUnetConfig(raw: unknown, where: string): AnyUnetConfig {
  const { _class_name: name } = parse(z.looseObject({ _class_name: z.enum(['UNet2DModel', 'UNet2DConditionModel']) }), raw, where);
  const { schema, defaults } = UNET_SCHEMAS[name];
  return parse(schema as z.ZodType<AnyUnetConfig>, { ...defaults, ...ownKeys(raw, where, name) }, where);
}

export function toMelConfig({ mel }: Pipeline): Record<string, unknown> {
  return { _class_name: CODEC_CLASS, _melstrom_version: MELSTROM_VERSION, _codec_hash: codecHash(mel), ...storedMel(mel) };
}

/** @throws MelstromError when a setting is wrong or absent, or they are not the ones the networks were trained with */
export function fromMelConfig(raw: unknown, where: string): MelSettings {
  const settings = ownKeys(raw, where, CODEC_CLASS);
  const absent = Object.keys(melSchema.shape).filter((key) => key !== 'channels' && !(key in settings)); // of one channel when nothing is said
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
