// The file that an operation starts from: read as the model hears it, and known again by its hash.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { loadSound, type SoundOptions } from '../audio/load.node.js';
import { MelstromError } from '../base/errors.js';
import { sha256 } from '../pipeline/hash.js';
import type { InputFile } from './sidecar.js';

export interface LoadedInput {
  /** At the rate asked for. */
  readonly channels: readonly Float32Array[];
  readonly sha256: string;
}

/** @throws MelstromError of kind 'data' that names the file */
export async function loadInput(path: string, options: SoundOptions): Promise<LoadedInput> {
  const channels = await loadSound(path, options);
  return { channels, sha256: await sha256(await readFile(path)) };
}

/** The input that a record in a folder names. @throws MelstromError of kind 'data' when it is not there, or no longer the same */
export async function loadRecordedInput(folder: string, { file, downmix, sha256: expected }: InputFile, { sampleRateHz, channels }: Pick<SoundOptions, 'sampleRateHz' | 'channels'>): Promise<LoadedInput> {
  const path = resolve(folder, file);
  const input = await loadInput(path, { sampleRateHz, channels, downmix });
  if (input.sha256 === expected) return input;
  throw new MelstromError({
    kind: 'data', where: path, got: `another file (${input.sha256.slice(0, 12)})`, expected: expected.slice(0, 12), fix: 'Put the sound that the clip was made from back there.',
  });
}
