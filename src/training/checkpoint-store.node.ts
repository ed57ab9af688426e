// Checkpoints on disk: complete or absent. Knows bytes and names, not what a network is.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { diskError } from './disk-error.node.js';

/** Everything a stage needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** Optimiser steps done. */
  readonly step: number;
  /** File name → content. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Plain JSON: stage, seed, history of validation and the like. */
  readonly meta: Readonly<Record<string, unknown>>;
}

interface Manifest {
  readonly step: number;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

const MANIFEST = 'checkpoint.json';
const STEP_FOLDER = /^step-(\d+)$/;
const TEMPORARY = /^\.step-\d+\.[0-9a-f-]+\.tmp$/;

export interface SaveOptions {
  /** How many of the latest checkpoints stay; at least 1. */
  readonly keep: number;
  readonly log: Logger;
  /** Writes one file and flushes it to the disk; replaced by tests that simulate a full disk. */
  readonly write?: (path: string, bytes: Uint8Array) => Promise<void>;
}

/**
 * Saves a checkpoint as `step-N` in a folder: written under a temporary name, flushed, then renamed. What was there before
 * stays until the new one is whole.
 * @throws MelstromError (checkpoint) when it cannot be written; the earlier checkpoints are untouched.
 */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint, { keep, log, write = writeFlushed }: SaveOptions): Promise<string> {
  const target = join(folder, `step-${checkpoint.step}`);
  const temporary = join(folder, `.step-${checkpoint.step}.${process.pid.toString(16)}-${Date.now().toString(16)}.tmp`);
  try {
    await mkdir(temporary, { recursive: true });
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const [name, bytes] of checkpoint.files) {
      await write(join(temporary, name), bytes);
      files[name] = { bytes: bytes.byteLength, sha256: sha256(bytes) };
    }
    const manifest: Manifest = { step: checkpoint.step, meta: checkpoint.meta, files };
    await write(join(temporary, MANIFEST), new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
    await flushFolder(temporary);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    await flushFolder(folder);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw await notWritten(folder, target, cause);
  }
  await removeOld(folder, { step: checkpoint.step, keep, log });
  return target;
}

/** Steps of the checkpoints in a folder, latest first; nothing is read. */
export async function listCheckpoints(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw new MelstromError({ kind: 'checkpoint', where: folder, got: messageOf(error), expected: 'a folder that can be read', cause: error });
  });
  const steps = names.flatMap((name) => {
    const match = STEP_FOLDER.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return steps.toSorted((a, b) => b - a);
}

/** Reads the latest checkpoint that is whole; one that is incomplete or damaged is named in a warning and passed by. Null when there is none. */
export async function loadLatestCheckpoint(folder: string, log: Logger): Promise<Checkpoint | null> {
  for (const step of await listCheckpoints(folder)) {
    const path = join(folder, `step-${step}`);
    try {
      return await readCheckpoint(path);
    } catch (error) {
      log.warn(`${path} is passed by: ${messageOf(error)}`);
    }
  }
  return null;
}

/** @throws MelstromError (checkpoint) naming the file that is missing, short or changed. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const manifest = parseManifest(path, await readFile(join(path, MANIFEST), 'utf8').catch((cause: unknown) => {
    throw new MelstromError({ kind: 'checkpoint', where: join(path, MANIFEST), got: messageOf(cause), expected: 'the list of its files', cause });
  }));
  const files = new Map<string, Uint8Array>();
  for (const [name, { bytes, sha256: expected }] of Object.entries(manifest.files)) {
    const where = join(path, name);
    const content = await readFile(where).catch((cause: unknown) => {
      throw new MelstromError({ kind: 'checkpoint', where, got: messageOf(cause), expected: `a file of ${bytes} bytes`, cause });
    });
    if (content.byteLength !== bytes) {
      throw new MelstromError({ kind: 'checkpoint', where, got: `${content.byteLength} bytes`, expected: `${bytes}` });
    }
    const got = sha256(content);
    if (got !== expected) throw new MelstromError({ kind: 'checkpoint', where, got: `sha256 ${got}`, expected });
    files.set(name, content);
  }
  return { step: manifest.step, meta: manifest.meta, files };
}

function parseManifest(path: string, text: string): Manifest {
  const where = join(path, MANIFEST);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new MelstromError({ kind: 'checkpoint', where, got: messageOf(cause), expected: 'JSON', cause });
  }
  const { step, files, meta } = (parsed ?? {}) as Partial<Manifest>;
  const isWhole = Number.isSafeInteger(step) && typeof meta === 'object' && meta !== null && typeof files === 'object' && files !== null;
  if (!isWhole) throw new MelstromError({ kind: 'checkpoint', where, got: 'keys missing', expected: 'step, meta and files' });
  return { step: step as number, files, meta };
}

/**
 * Removes checkpoints beyond `keep`, what a killed save left behind, and later steps: training went on from before them, so
 * they were damaged. A folder that will not go is named, and training goes on.
 */
async function removeOld(folder: string, { step, keep, log }: { step: number; keep: number; log: Logger }): Promise<void> {
  const steps = await listCheckpoints(folder);
  const kept = steps.filter((other) => other <= step).slice(0, Math.max(1, keep));
  const stale = steps.filter((other) => !kept.includes(other)).map((other) => `step-${other}`);
  const left = (await readdir(folder)).filter((name) => TEMPORARY.test(name));
  for (const name of [...stale, ...left]) {
    await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
      log.warn(`${join(folder, name)} could not be removed: ${messageOf(error)}`);
    });
  }
}

/** Says at once, before any long work, when a folder cannot be written. */
export async function requireWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new MelstromError({ kind: 'checkpoint', where: folder, got: messageOf(cause), expected: 'a folder that can be written', cause });
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // Windows opens no folder for flushing
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function notWritten(folder: string, target: string, cause: unknown): Promise<MelstromError> {
  const last = (await listCheckpoints(folder).catch(() => [])).at(0);
  const kept = last === undefined ? 'There is no earlier checkpoint: make room or allow writing, then start again.' : `The checkpoint step-${last} stays; make room or allow writing, then resume.`;
  return diskError(target, cause, kept);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
