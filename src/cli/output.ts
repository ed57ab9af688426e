// Where results are written: nothing is overwritten unless told to.
import { existsSync } from 'node:fs';
import { MelstromError } from '../base/errors.js';

/** @throws MelstromError when the path exists and force is off. */
export function refuseExisting(path: string, force: boolean): void {
  if (force || !existsSync(path)) return;
  throw new MelstromError({ kind: 'usage', where: path, got: 'a file that exists', expected: 'a new name', fix: 'Add --force to overwrite it.' });
}
