// Reads the JSON files beside clips, and tells whether a clip is there already.
import { access, readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { DOWNMIX_RULES } from '../audio/downmix.js';
import { MelstromError, messageOf } from '../base/errors.js';
import type { ClipRecord, Sidecar } from './sidecar.js';
import { pathsOf } from './write.node.js';

const text = z.string().nullable();
const number = z.number().nullable();

const extensionSchema = z.object({
  input: z.object({ file: z.string(), sha256: z.string(), downmix: z.enum(DOWNMIX_RULES) }).nullable(),
  seconds: z.number(), isBefore: z.boolean(), heedRounds: z.int().default(0), resamples: z.int(), detail: z.number().default(0), holdSeconds: z.number().default(0), fadeSeconds: z.number().default(0), marginSeconds: z.number(),
});

/** What every operation writes. What an operation writes beside that is kept as it is. */
const recordSchema = z.looseObject({
  operation: z.string(), file: z.string(), run: text, label: text, prompt: text, negativePrompt: text, seed: z.int().min(0), sampler: z.string(), spacing: text,
  steps: z.int().min(1), upscaler: z.object({ factor: z.number(), steps: z.int() }).nullable(), guidance: number, guidanceRescale: z.number(), guidanceInterval: z.tuple([z.number(), z.number()]).default([0, 1]), levelSteps: z.int().min(0).default(0), eta: number,
  precision: z.enum(['float32', 'bfloat16']).default('float32'), vocoder: z.string(),
  inversion: z.object({ spectralConvergenceDb: number, levelDifferenceDb: number }).optional(),
  frameCount: z.int().min(1), sampleRateHz: z.number(), durationSeconds: z.number(), isLoop: z.boolean(),
  tempo: z.object({ bpm: z.number(), bars: z.number(), beatsPerBar: z.number() }).nullable(), overlap: number, extension: extensionSchema.optional(),
  batch: z.object({ limit: z.int().min(1), size: z.int().min(1), index: z.int().min(0) }),
  hashes: z.object({ model: z.string(), codec: z.string(), settings: z.string() }), engine: z.object({ name: z.string(), tensorflowJs: z.string() }), version: z.string(),
  bitDepth: z.union([z.literal(16), z.literal(24), z.literal(32)]), gainDb: z.number(), sha256: z.string(),
});

/** @throws MelstromError of kind 'data' when the file cannot be read, or says too little to make a clip again */
export async function readRecord(path: string): Promise<ClipRecord> {
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new MelstromError({ kind: 'data', where: path, got: messageOf(cause), expected: 'the JSON file beside a clip', cause });
  }
  const parsed = recordSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [{ path: keys, message }] = parsed.error.issues;
  throw new MelstromError({
    kind: 'data', where: `${path}: ${keys.join('.')}`, got: message, expected: 'the JSON file beside a clip', fix: 'Files of earlier versions do not say enough; draw the clip anew from its seed.',
  });
}

interface Wanted {
  readonly sidecar: Sidecar;
  readonly bitDepth: 16 | 24 | 32;
  readonly png: boolean;
}

/**
 * Whether a clip is there whole, with the settings that it is to have. What a kill left of it, a record without its sound, is removed.
 *
 * @throws MelstromError of kind 'usage' when a clip of that name was made otherwise
 */
export async function isWritten(folder: string, name: string, { sidecar, bitDepth, png }: Wanted): Promise<boolean> {
  const paths = pathsOf(folder, name, png);
  const [wav, json] = paths;
  if (!(await exists(json))) return false;
  const record = await readRecord(json);
  const differing = differenceOf(record, { ...sidecar, bitDepth });
  if (differing !== null) {
    const { key, got, expected } = differing;
    throw new MelstromError({
      kind: 'usage', where: `${json}: ${key}`, got, expected: `${expected}, as in this request`, fix: 'Repeat the command as it was when it was stopped, or choose another folder.',
    });
  }
  const found = await Promise.all(paths.map(exists));
  if (found.every(Boolean)) return true;
  await Promise.all([...paths, wav].map((path) => rm(path, { force: true })));
  return false;
}

function differenceOf(record: ClipRecord, wanted: object): { key: string; got: string; expected: string } | null {
  for (const [key, value] of Object.entries(wanted)) {
    const [got, expected] = [JSON.stringify((record as unknown as Record<string, unknown>)[key]), JSON.stringify(value)];
    if (got !== expected) return { key, got, expected };
  }
  return null;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
