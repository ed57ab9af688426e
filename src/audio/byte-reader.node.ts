// Opens a file for reading in slices, and turns what the file system says into one clear error.
import { open } from 'node:fs/promises';
import { badAudio, type ByteReader } from './byte-reader.js';

/** A byte reader that owns a file handle. */
export interface ByteFile extends ByteReader {
  close(): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'the file may not be read (permission denied)',
  EPERM: 'the file may not be read (permission denied)',
  EISDIR: 'a folder, not a sound file',
};

/** @throws MelstromError when the file is missing, unreadable, a folder or empty */
export async function openBytes(path: string): Promise<ByteFile> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw badAudio(path, 'a folder, not a sound file');
    if (stat.size === 0) throw badAudio(path, 'an empty file (0 bytes)');
    return {
      path,
      size: stat.size,
      async read(position, length) {
        const wanted = Math.max(0, Math.min(length, stat.size - position));
        const bytes = new Uint8Array(wanted);
        let filled = 0;
        while (filled < wanted) {
          const { bytesRead } = await handle.read(bytes, filled, wanted - filled, position + filled).catch((cause: unknown) => {
            throw unreadable(path, cause);
          });
          if (bytesRead === 0) throw badAudio(path, 'the file became shorter while it was being read');
          filled += bytesRead;
        }
        return bytes;
      },
      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

function unreadable(path: string, cause: unknown): Error {
  const code = (cause as { code?: string }).code ?? '';
  return badAudio(path, REASONS[code] ?? `the file cannot be read (${code || String(cause)})`, { cause });
}
