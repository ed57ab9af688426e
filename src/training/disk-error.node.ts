// What went wrong with a disk, in words. Knows no format.
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';

/** Whether an error says that there is no room left. */
export function isDiskFull(cause: unknown): boolean {
  const { code } = (cause ?? {}) as { code?: string };
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Turns a failed write into an error of ours that says when the disk is full; what is one already stays as it is. */
export function diskError(where: string, cause: unknown, fix?: string): MelstromError {
  if (cause instanceof MelstromError) return cause;
  const got = isDiskFull(cause) ? `a full disk (${freeSpace(where)})` : messageOf(cause);
  return new MelstromError({ kind: 'checkpoint', where, got, expected: 'room to write', fix: fix ?? 'The last checkpoint stays as it is: make room or allow writing, then resume.', cause });
}

function freeSpace(path: string): string {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return `${((bavail * bsize) / 2 ** 20).toFixed(1)} MiB free`;
  } catch {
    return 'free space unknown'; // the error that is being told matters more
  }
}
