// Previews in a run folder: files for people, events for TensorBoard. What is previewed comes from outside, as a callback.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clip } from '../audio/clip.js';
import { encodeWav } from '../audio/encode-wav.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { diskError } from './disk-error.node.js';
import type { SummaryEntry } from './event-records.js';
import type { StageName } from './stage.js';

/** What a preview is made from: the pipeline with the average of the weights in place. It must not be disposed of. */
export interface PreviewRequest {
  readonly pipeline: Pipeline;
  readonly stage: StageName;
  readonly step: number;
}

/** One thing to see or hear. */
export interface Preview {
  /** File name without extension, and the tag in TensorBoard. */
  readonly name: string;
  /** A PNG file's bytes. */
  readonly png?: Uint8Array;
  readonly clip?: Clip;
  /** Numbers by their tags in TensorBoard. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Makes previews: through the function that `generate` calls, so that neither sounds better than the other. */
export type PreviewCallback = (request: PreviewRequest) => Promise<readonly Preview[]>;

/** The numbers of previews, as entries for the event file. */
export function figureEntries(previews: readonly Preview[]): SummaryEntry[] {
  return previews.flatMap(({ figures = {} }) => Object.entries(figures).map(([tag, value]) => ({ kind: 'scalar', tag, value }) as const));
}

/** Writes previews under `<folder>/<stage>-step-N/` and returns pictures and sounds as entries for the event file. */
export async function writePreviews(folder: string, { stage, step }: { stage: StageName; step: number }, previews: readonly Preview[]): Promise<SummaryEntry[]> {
  const target = join(folder, `${stage}-step-${step}`);
  await mkdir(target, { recursive: true });
  const entries: SummaryEntry[] = [];
  for (const { name, png, clip } of previews) {
    const tag = `preview/${stage}/${name}`;
    if (png) {
      await writeWhole(join(target, `${name}.png`), png);
      entries.push({ kind: 'image', tag, png, ...sizeOfPng(png) });
    }
    if (clip) {
      const wav = await encodeWav(clip, { bitDepth: 16, onClip: 'normalise' });
      await writeWhole(join(target, `${name}.wav`), wav);
      entries.push({ kind: 'audio', tag, wav, sampleRateHz: clip.sampleRateHz, channelCount: clip.channels.length, frameCount: clip.channels[0].length });
    }
  }
  return entries;
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (cause) {
    throw diskError(path, cause);
  }
}

/** Width and height lie at fixed places of a PNG's first chunk. */
function sizeOfPng(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
