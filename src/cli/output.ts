// Where results are written: nothing is overwritten unless told to.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { MelstromError } from '../base/errors.js';
import { requireReadableFolder, requireWritableFolder } from './arguments.js';

/** @throws MelstromError when the path exists and force is off. */
export function refuseExisting(path: string, force: boolean): void {
  if (force || !existsSync(path)) return;
  const got = statSync(path).isDirectory() ? 'a folder that exists' : 'a file that exists';
  throw new MelstromError({ kind: 'usage', where: path, got, expected: 'a new name', fix: 'Add --force to overwrite it.' });
}

/** @throws MelstromError when no file can be written there, or one is there and force is off. Before any long work; writes nothing. */
export function requireWritableFile(flag: string, path: string, force: boolean): void {
  if (existsSync(path) && statSync(path).isDirectory()) {
    throw new MelstromError({ kind: 'usage', where: flag, got: `'${path}', which is a folder`, expected: 'the name of a file', fix: 'Add a file name.' });
  }
  refuseExisting(path, force);
  requireWritableFolder(flag, requireReadableFolder(flag, dirname(path)));
}

/** What a report folder holds; a folder with anything else in it is the user's and is never removed. */
const REPORT_ENTRIES: ReadonlySet<string> = new Set(['index.html', 'figures.json', 'contact-sheet.png', 'clips']);

/**
 * @throws MelstromError when the folder holds anything but an earlier report, even with force, or when the folder around it, in which
 * a report is put together, can't be written
 */
export function requireReportFolder(folder: string): void {
  requireWritableFolder('--out', dirname(resolve(folder)));
  const foreign = existsSync(folder) ? readdirSync(folder).find((name) => !REPORT_ENTRIES.has(name)) : undefined;
  if (foreign === undefined) return;
  throw new MelstromError({ kind: 'usage', where: folder, got: `a folder with other files in it ('${foreign}')`, expected: 'a new folder, or an earlier report', fix: 'Choose another folder.' });
}

/** What a pipeline folder or that of a network alone holds at its top. */
const PIPELINE_ENTRIES: ReadonlySet<string> = new Set([
  'model_index.json', 'vae', 'vqvae', 'unet', 'upscaler', 'scheduler', 'mel', 'text_encoder', 'tokenizer', 'vocoder', 'config.json', 'diffusion_pytorch_model.safetensors',
]);

/**
 * @param source what is read, which is never written over
 * @throws MelstromError when the folder exists and force is off, or is the source or holds anything but a pipeline, even with force
 */
export function requirePipelineOutput(folder: string, { source, force }: { readonly source: string; readonly force: boolean }): void {
  if (!existsSync(folder)) return;
  const [from, to] = [source, folder].map((path) => (existsSync(path) ? realpathSync(path) : resolve(path)));
  if (`${from}${sep}`.startsWith(`${to}${sep}`)) throw new MelstromError({ kind: 'usage', where: folder, got: 'the folder that is read, or one around it', expected: 'another folder' });
  const names = readdirSync(folder);
  const foreign = names.find((name) => !PIPELINE_ENTRIES.has(name));
  if (foreign !== undefined) throw new MelstromError({ kind: 'usage', where: folder, got: `a folder with other files in it ('${foreign}')`, expected: 'a new folder, or an earlier pipeline folder', fix: 'Choose another folder.' });
  if (force || names.length === 0) return;
  throw new MelstromError({ kind: 'usage', where: folder, got: 'a folder that exists', expected: 'a new name', fix: 'Add --force to replace it.' });
}

/** Moves a finished report to its place, instead of an earlier one. @throws MelstromError as requireReportFolder */
export async function publishReport(temporary: string, folder: string): Promise<void> {
  requireReportFolder(folder);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
}
