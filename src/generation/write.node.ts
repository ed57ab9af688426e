// Writes generated clips: a WAV with its JSON beside it, and a PNG on request. Each clip's files appear together or not at all.
import { access, constants, mkdir, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { encodeWav } from '../audio/encode-wav.js';
import { refuseExisting, writeWhole } from '../audio/write-whole.node.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { sha256 } from '../pipeline/hash.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { encodeMelPng } from '../spectrogram/png.js';
import type { Clip } from '../audio/clip.js';
import type { GeneratedClip } from './generate.js';
import { clipNames, type NamedRequest } from './file-names.js';
import type { ClipRecord } from './sidecar.js';

/** How files are written. */
export interface WriteOptions {
  /** 16 with dither, 24, or 32 for floating point. Default 24. */
  readonly bitDepth?: 16 | 24 | 32;
  /** Whether to write the mel image as a 16-bit PNG too. Default false. */
  readonly png?: boolean;
  /** Whether files of the same name may be replaced. Default false. */
  readonly force?: boolean;
  /** Folder of the run that the clips come from, for `regenerate` to find. Default null, not told. */
  readonly run?: string | null;
}

export interface PlanOptions extends WriteOptions {
  /** Whether clips that are there already are those of an earlier, unfinished request like this one. Default false. */
  readonly resume?: boolean;
}

/** Where a clip went. */
export interface WrittenClip {
  readonly wav: string;
  readonly json: string;
  readonly png: string | null;
  /** Unit: dB, 0 or negative: how far the clip was turned down because its peak was beyond full scale. */
  readonly gainDb: number;
}

/**
 * Makes the folder, and refuses at once what could not be written at the end: call it before drawing.
 *
 * @returns the base names of the request's clips
 * @throws MelstromError when the folder cannot be written, or a file is already there and force is not set
 */
export async function planOutput(folder: string, pipeline: Pick<Pipeline, 'labels'>, request: NamedRequest, { png = false, force = false, resume = false }: PlanOptions = {}): Promise<string[]> {
  await planFolder(folder);
  const names = clipNames(pipeline.labels, request);
  if (!force && !resume) for (const name of names) for (const path of pathsOf(folder, name, png)) await refuseExisting(path);
  return names;
}

/** Makes the folder. @throws MelstromError when it cannot be written */
export async function planFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (thrown) {
    throw new MelstromError({ kind: 'usage', where: folder, got: messageOf(thrown), expected: 'a folder that can be written', cause: thrown });
  }
}

/**
 * Writes clips as they come, under the names that planOutput gave. When the iteration stops early, by an error or an abort, the
 * clips written so far stay, each complete.
 *
 * @throws MelstromError when a file cannot be written
 */
export async function* writeGenerated(folder: string, names: readonly string[], clips: AsyncIterable<GeneratedClip>, options: WriteOptions = {}): AsyncGenerator<WrittenClip> {
  for await (const clip of clips) yield await writeClip(folder, names[clip.index], clip, options);
}

/** Writes one clip's files, the WAV last; when one fails, those of this clip that are new are removed. */
export async function writeClip(folder: string, name: string, generated: GeneratedClip, options: WriteOptions = {}): Promise<WrittenClip> {
  const { bitDepth = 24, png = false, force = false, run = null } = options;
  const [wav, json, picture] = pathsOf(folder, name, png);
  const { bytes, gainDb } = await encodeClip(generated, bitDepth);
  const record: ClipRecord = { file: `${name}.wav`, run: run === null ? null : pathFrom(folder, run), ...generated.sidecar, bitDepth, gainDb, sha256: await sha256(bytes) };
  const files: [string, Uint8Array | string][] = [[json, `${JSON.stringify(record, null, 2)}\n`]];
  if (png) files.push([picture, encodeMelPng(generated.image)]);
  files.push([wav, bytes]);
  if (!force) for (const [path] of files) await refuseExisting(path);
  const written: string[] = [];
  try {
    for (const [path, contents] of files) {
      await writeWhole(path, contents, { force });
      written.push(path);
    }
  } catch (thrown) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw thrown;
  }
  return { wav, json, png: png ? picture : null, gainDb };
}

/** The bytes of a clip's WAV file, turned down as a whole where integers cannot hold it. */
export async function encodeClip({ clip, seed }: Pick<GeneratedClip, 'clip' | 'seed'>, bitDepth: 16 | 24 | 32): Promise<{ readonly bytes: Uint8Array; readonly gainDb: number }> {
  const { clip: held, gainDb } = bitDepth === 32 ? { clip, gainDb: 0 } : withinFullScale(clip);
  return { bytes: await encodeWav(held, { bitDepth, seed }), gainDb };
}

/** A path as a record beside a clip has it: from the clip's folder, with slashes, so that it still holds when both are moved. */
export function pathFrom(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/') || '.';
}

/** The files of a clip: WAV, JSON, PNG. */
export function pathsOf(folder: string, name: string, png: boolean): string[] {
  return ['wav', 'json', ...(png ? ['png'] : [])].map((extension) => join(folder, `${name}.${extension}`));
}

/** Turns a clip down as a whole when its peak is beyond full scale, and says by how much. */
function withinFullScale(clip: Clip): { clip: Clip; gainDb: number } {
  const peak = clip.channels.reduce((largest, channel) => channel.reduce((most, sample) => Math.max(most, Math.abs(sample)), largest), 0);
  if (peak <= 1) return { clip, gainDb: 0 };
  const channels = clip.channels.map((channel) => channel.map((sample) => Math.max(-1, Math.min(1, sample / peak))));
  return { clip: { ...clip, channels }, gainDb: -20 * Math.log10(peak) };
}
