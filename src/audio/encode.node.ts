// Writes clips as WAV files, whole or not at all.
import { MelstromError } from '../base/errors.js';
import type { Clip } from './clip.js';
import { encodeWav, type EncodeWavOptions } from './encode-wav.js';
import { refuseExisting, writeWhole } from './write-whole.node.js';

export { encodeWav, type EncodeWavOptions } from './encode-wav.js';

export interface WriteWavOptions extends EncodeWavOptions {
  /** Whether a file that is already there may be replaced. Default false. */
  readonly force?: boolean;
}

/**
 * Writes a clip under a temporary name in the same folder and then renames it, so that the file appears whole or not at all.
 *
 * @throws MelstromError when the file exists and force is not set, cannot be written, or the clip cannot be encoded
 */
export async function writeWav(path: string, clip: Clip, options: WriteWavOptions): Promise<void> {
  if (options.force !== true) await refuseExisting(path);
  const bytes = await encodeWav(clip, options).catch((thrown: unknown) => {
    if (!(thrown instanceof MelstromError)) throw thrown;
    const { kind, got, expected, fix } = thrown;
    throw new MelstromError({ kind, where: path, got, expected, fix, cause: thrown });
  });
  await writeWhole(path, bytes, options);
}
