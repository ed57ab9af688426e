// Where results are written: nothing is overwritten unless told to.
import { existsSync, readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { MelstromError } from '../base/errors.js';

/** @throws MelstromError when the path exists and force is off. */
export function refuseExisting(path: string, force: boolean): void {
  if (force || !existsSync(path)) return;
  throw new MelstromError({ kind: 'usage', where: path, got: 'a file that exists', expected: 'a new name', fix: 'Add --force to overwrite it.' });
}

/** What a report folder holds; a folder with anything else in it is the user's and is never removed. */
const REPORT_ENTRIES: ReadonlySet<string> = new Set(['index.html', 'figures.json', 'contact-sheet.png', 'clips']);

/** @throws MelstromError when the folder holds anything but an earlier report, even with force. */
export function requireReportFolder(folder: string): void {
  const foreign = existsSync(folder) ? readdirSync(folder).find((name) => !REPORT_ENTRIES.has(name)) : undefined;
  if (foreign === undefined) return;
  throw new MelstromError({ kind: 'usage', where: folder, got: `a folder with other files in it ('${foreign}')`, expected: 'a new folder, or an earlier report', fix: 'Choose another folder.' });
}

/** Moves a finished report to its place, instead of an earlier one. @throws MelstromError as requireReportFolder */
export async function publishReport(temporary: string, folder: string): Promise<void> {
  requireReportFolder(folder);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
}
