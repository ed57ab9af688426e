// Writes the reconstruction ladder of some files: a page with every rung, and the numbers.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clip } from '../audio/clip.js';
import { renderDemoPage } from '../evaluation/demo-page.js';
import { measureLevel } from '../evaluation/level-guard.js';
import { melDistance } from '../evaluation/mel-distance.js';
import { safeLabel } from '../generation/index.js';
import type { MelCodec } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { reportInversion } from '../vocoder/inversion-report.js';
import { createClipWriter, writeWholeReport } from './write-report.js';

/** One file and its rungs. */
export interface Ladder {
  readonly name: string;
  readonly image: MelImage;
  readonly original: Clip;
  readonly inverted: Clip;
  readonly decoded: { readonly image: MelImage; readonly clip: Clip } | null;
}

export interface LadderFigures {
  readonly name: string;
  /** Mel image → sound → mel image, over active cells. Unit: dB. */
  readonly inversionErrorDb: number;
  /** How near the inverted sound came to the mel image. Unit: dB, lower is nearer; null for silence. */
  readonly spectralConvergenceDb: number | null;
  /** Through the autoencoder, before inversion. Unit: dB; null on pixels. */
  readonly vaeErrorDb: number | null;
  /** How much louder the inverted sound is than the original. Unit: dB of RMS. */
  readonly levelDifferenceDb: number;
}

/** Measures one ladder. */
export function ladderFigures({ name, image, original, inverted, decoded }: Ladder, codec: MelCodec): LadderFigures {
  return {
    name,
    inversionErrorDb: melDistance(image, codec.analyse(inverted.channels[0])).activeErrorDb,
    spectralConvergenceDb: reportInversion(image, inverted).spectralConvergenceDb,
    vaeErrorDb: decoded === null ? null : melDistance(image, decoded.image).activeErrorDb,
    levelDifferenceDb: measureLevel(inverted.channels[0]).rmsDbfs - measureLevel(original.channels[0]).rmsDbfs,
  };
}

/** Writes the folder beside its final place and moves it there whole. Returns the page's path. */
export async function writeLadder(folder: string, ladders: readonly Ladder[], figures: readonly LadderFigures[]): Promise<string> {
  return writeWholeReport(folder, (temporary) => writeLadderInto(temporary, ladders, figures));
}

async function writeLadderInto(temporary: string, ladders: readonly Ladder[], figures: readonly LadderFigures[]): Promise<void> {
  const put = createClipWriter(temporary);
  const sections = [];
  for (const [index, { name, image, original, inverted, decoded }] of ladders.entries()) {
    const base = `${index + 1}-${safeLabel(name)}`;
    const clips = [await put(`${base}-original`, image, original), await put(`${base}-inverted`, image, inverted)];
    if (decoded !== null) clips.push(await put(`${base}-vae`, decoded.image, decoded.clip));
    const { inversionErrorDb, vaeErrorDb, levelDifferenceDb } = figures[index];
    const numbers = `inversion ${inversionErrorDb.toFixed(2)} dB, autoencoder ${vaeErrorDb?.toFixed(2) ?? '–'} dB, level ${levelDifferenceDb.toFixed(2)} dB`;
    sections.push({ title: name, rows: [{ title: numbers, clips }] });
  }
  const page = renderDemoPage({
    title: 'Reconstruction ladder', figures: [], sections,
    introduction: 'Each file as recorded, through the mel image and inversion alone, and through the autoencoder. What the second loses no network can bring back; what only the third loses, a better autoencoder can.',
  });
  await writeFile(join(temporary, 'index.html'), page);
  await writeFile(join(temporary, 'figures.json'), `${JSON.stringify(figures, null, 2)}\n`);
}
