// Makes a clip again from the file beside it. Each operation says in one table how.
import { dirname, resolve } from 'node:path';
import { loadSound } from '../audio/load.node.js';
import { MelstromError } from '../base/errors.js';
import { SAMPLER_NAMES, type SamplerName } from '../diffusion/samplers/by-name.js';
import { SPACINGS, type Spacing } from '../diffusion/settings.js';
import { withConvPrecision, type ConvPrecision } from '../nn/operations.js';
import { modelHash, settingsHash } from '../pipeline/hash.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import { extendClips, type ExtendRequest } from './extend.js';
import { loadRecordedInput } from './input-file.node.js';
import { generateClips, generateFromVaePrior, type GeneratedClip } from './generate.js';
import type { OperationSidecar } from './operation.js';
import { readRecord } from './record.node.js';
import { repeatOperation } from './repeat.js';
import type { ClipRequest, GenerateRequest } from './request.js';
import type { ClipRecord } from './sidecar.js';
import { vocoderOfRecord } from './vocoder-of-record.js';

/** What an operation is given to make a clip again. */
export interface Regeneration extends Pick<ClipRequest, 'signal' | 'onStep'> {
  readonly pipeline: Pipeline;
  readonly record: ClipRecord;
  /** Folder of the record: paths in it start there. */
  readonly folder: string;
  readonly vocoder: Vocoder;
}

export type Regenerate = (given: Regeneration) => AsyncIterable<GeneratedClip>;

/** How each operation is done again, by the name in its sidecars. */
const OPERATIONS: Readonly<Record<string, Regenerate>> = {
  generate: (given) => generateClips(given.pipeline, diffusionRequest(given)),
  'vae-prior': (given) => generateFromVaePrior(given.pipeline, clipRequest(given)),
  extend: extendAgain,
  vary: operationAgain,
  fill: operationAgain,
  morph: operationAgain,
  combine: operationAgain,
};

export interface RegenerateOptions extends Pick<ClipRequest, 'signal' | 'onStep'> {
  /** Default the one that made the clip; another gives other last bits. */
  readonly precision?: ConvPrecision | 'auto';
}

/**
 * Makes a clip again: the same samples on the same machine with the same engine, to the last bit.
 *
 * @param path the JSON file beside the clip
 * @throws MelstromError of kind 'checkpoint' when the pipeline is not the one that made it; of kind 'data' when the file says too little; of
 *   kind 'engine' when its precision is bfloat16, which this processor does not have
 */
export async function regenerateClip(pipeline: Pipeline, path: string, options: RegenerateOptions = {}): Promise<GeneratedClip> {
  const record = await readRecord(path);
  const regenerate = Object.hasOwn(OPERATIONS, record.operation) ? OPERATIONS[record.operation] : undefined;
  if (regenerate === undefined) {
    throw new MelstromError({ kind: 'data', where: `${path}: operation`, got: record.operation, expected: Object.keys(OPERATIONS).join(', '), fix: 'A newer version may know it.' });
  }
  await requireSamePipeline(pipeline, record, path);
  const { precision = record.precision, ...watched } = options;
  const clips = regenerate({ ...watched, pipeline, record, folder: dirname(path), vocoder: vocoderOfRecord(pipeline, record, path) });
  return withConvPrecision(precision, async () => {
    for await (const clip of clips) return clip;
    throw new MelstromError({ kind: 'internal', where: path, got: 'no clip' });
  });
}

/** @throws MelstromError of kind 'checkpoint' that says what differs */
async function requireSamePipeline(pipeline: Pipeline, { hashes }: ClipRecord, path: string): Promise<void> {
  const own = { model: await modelHash(pipeline), codec: codecHash(pipeline.mel), settings: await settingsHash(pipeline) };
  const names = { model: 'weights', codec: 'mel codec', settings: 'labels, noise or scheduler' };
  for (const key of ['model', 'codec', 'settings'] as const) {
    if (own[key] === hashes[key]) continue;
    throw new MelstromError({
      kind: 'checkpoint', where: `${path}: hashes.${key}`, got: `a model with other ${names[key]} (${own[key].slice(0, 12)})`, expected: hashes[key].slice(0, 12),
      fix: 'Name the run that made the clip with --run; when it has been trained further since, the clip cannot be made again.',
    });
  }
}

/** The request that draws a clip where it was in its batch, and nothing else of that batch. */
export function clipRequest({ record, vocoder, signal, onStep }: Regeneration): ClipRequest {
  const { batch, seed, isLoop, tempo, overlap, durationSeconds } = record;
  return {
    seeds: Array.from({ length: batch.size }, () => seed),
    batchSize: batch.limit,
    skip: (index) => index !== batch.index,
    isLoop,
    ...(tempo === null ? { seconds: durationSeconds } : { tempo }),
    ...(overlap === null ? {} : { overlap }),
    engine: record.engine.name,
    vocoder, signal, onStep,
  };
}

/** As clipRequest, with what diffusion is told. */
export function diffusionRequest(given: Regeneration): GenerateRequest {
  const { pipeline, record } = given;
  const { label, prompt, negativePrompt, sampler, spacing, steps, upscaler, guidance, guidanceRescale, guidanceInterval, levelSteps, eta, batch } = record;
  const each = <T>(value: T): T[] => Array.from({ length: batch.size }, () => value);
  const isNamed = spacing !== null;
  return {
    ...clipRequest(given),
    labels: each(label === null ? null : pipeline.labels.indexOf(label)),
    ...(prompt === null ? {} : { prompts: each(prompt), negativePrompt: negativePrompt ?? '' }),
    sampler: isNamed ? oneOf(SAMPLER_NAMES, sampler, 'sampler') : ('scheduler' as const),
    ...(isNamed ? { spacing: oneOf(SPACINGS, spacing, 'spacing') } : {}),
    steps,
    upscalerSteps: upscaler === null || upscaler.steps === 0 ? null : upscaler.steps,
    guidance: guidance ?? 1,
    guidanceRescale,
    guidanceInterval,
    levelSteps,
    eta: eta ?? 0,
  };
}

async function* extendAgain(given: Regeneration): AsyncGenerator<GeneratedClip> {
  const { pipeline, record: { extension, overlap }, folder } = given;
  if (!extension?.input) throw new MelstromError({ kind: 'data', where: 'sidecar: extension.input', got: 'none', expected: 'the file that was extended' });
  const { input, seconds, isBefore, heedRounds = 0, resamples, detail = 0, holdSeconds = 0, fadeSeconds = 0 } = extension;
  const { sampleRateHz } = pipeline.mel;
  const { channels } = await loadRecordedInput(folder, input, pipeline.mel);
  yield* extendClips(pipeline, { ...diffusionRequest(given), tempo: undefined, ...(overlap === null ? {} : { overlap }), sound: { sampleRateHz, channels }, input, seconds, isBefore, heedRounds, resamples, detail, holdSeconds, fadeSeconds } as ExtendRequest);
}

async function* operationAgain(given: Regeneration): AsyncGenerator<GeneratedClip> {
  const { pipeline, record, folder } = given;
  const { seeds, batchSize, skip, sampler, spacing, steps, upscalerSteps, guidance, guidanceRescale, guidanceInterval, levelSteps, eta, engine, vocoder, signal, onStep } = diffusionRequest(given);
  const { sampleRateHz, channels } = pipeline.mel;
  yield* repeatOperation(pipeline, {
    record: record as unknown as OperationSidecar, // checked by what reads it: an operation refuses settings that it does not understand
    request: { seeds, batchSize, skip, sampler, spacing, steps, upscalerSteps, guidance, guidanceRescale, guidanceInterval, levelSteps, eta, engine, vocoder, signal, onStep },
    async readSound({ file, downmix = 'mean' }) {
      if (file === undefined) throw new MelstromError({ kind: 'data', where: 'sidecar: operationSettings.input.file', got: 'none', expected: 'the file that went in', fix: 'Repeat it from the library, by repeatOperation.' });
      return { sampleRateHz, channels: await loadSound(resolve(folder, file), { sampleRateHz, channels, downmix }) };
    },
  });
}

function oneOf<T extends SamplerName | Spacing>(known: readonly T[], value: string, where: string): T {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  throw new MelstromError({ kind: 'data', where: `sidecar: ${where}`, got: value, expected: known.join(', ') });
}
