// Writes an assessment as a folder: a page, the clips, their pictures, and the numbers as JSON.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeWav } from '../audio/encode.node.js';
import type { Clip } from '../audio/clip.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { renderDemoPage, type PageClip, type PageFigure, type PageSection } from '../evaluation/demo-page.js';
import { measureLevel } from '../evaluation/level-guard.js';
import { decimals } from '../evaluation/page.js';
import { safeLabels } from '../generation/index.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { contactSheet, renderPng } from '../spectrogram/render.js';
import { isDiskFull } from '../training/disk-error.node.js';
import type { Assessment } from './assess-run.js';
import { publishReport } from './output.js';

export interface ReportOptions {
  readonly folder: string;
  readonly title: string;
  readonly introduction: string;
  readonly assessment: Assessment;
  /** Text of the configuration, shown at the end. */
  readonly details: string;
  /** What is said of the drawn clips beside the assessment. */
  readonly beyond?: {
    /** Take the place of the assessment's, which are among them. */
    readonly figures: readonly PageFigure[];
    readonly numbers: unknown;
    /** HTML after the figures; sounds go into `clips/` of the folder. */
    readonly render: (folder: string) => Promise<string>;
    /** Rules that it needs. */
    readonly style: string;
  };
}

/** Writes the report beside its final place and moves it there whole. Returns the page's path. */
export async function writeReport({ folder, title, introduction, assessment, details, beyond }: ReportOptions): Promise<string> {
  return writeWholeReport(folder, async (temporary) => {
    const sections = await writeSections(temporary, assessment);
    await writeFile(join(temporary, 'index.html'), renderDemoPage({ title, introduction, figures: beyond?.figures ?? figuresOf(assessment), extra: await beyond?.render(temporary), style: beyond?.style, sections, details }));
    await writeFile(join(temporary, 'figures.json'), `${JSON.stringify(beyond?.numbers ?? assessment.figures, null, 2)}\n`);
    const sheet = assessment.labels.flatMap(({ roundTrips, generated }) => [...roundTrips.slice(0, 3), ...generated.slice(0, 5)].map(({ image }) => image));
    if (sheet.length > 0) await writeFile(join(temporary, 'contact-sheet.png'), contactSheet(sheet, { columns: 8 }));
  });
}

/** Lets `write` fill a folder beside the wanted one, with a sub-folder for clips, then moves it into place. Returns the page's path. */
export async function writeWholeReport(folder: string, write: (temporary: string) => Promise<void>): Promise<string> {
  const temporary = `${folder}.${process.pid}.part`;
  try {
    await mkdir(join(temporary, 'clips'), { recursive: true });
    await write(temporary);
    await publishReport(temporary, folder);
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw thrown instanceof MelstromError ? thrown : unwritten(folder, thrown);
  }
  return join(folder, 'index.html');
}

function unwritten(folder: string, cause: unknown): unknown {
  if ((cause as { code?: unknown }).code === undefined) return cause; // not from the file system
  const got = isDiskFull(cause) ? 'a full disk' : messageOf(cause);
  return new MelstromError({ kind: 'data', where: folder, got, expected: 'room for the report', fix: 'Make room or choose another folder, then run it again.', cause });
}

async function writeSections(folder: string, { labels, isHeldOut }: Assessment): Promise<PageSection[]> {
  const names = safeLabels(labels.map(({ name }) => name));
  const put = createClipWriter(folder);
  const sections: PageSection[] = [];
  for (const [label, { name, roundTrips, generated }] of labels.entries()) {
    const base = names[label];
    sections.push({
      title: name,
      rows: [
        { title: isHeldOut ? 'Real (held out)' : 'Real (trained on)', clips: await Promise.all(roundTrips.map(({ image, real }, index) => put(`${base}-real-${index + 1}`, image, real))) },
        { title: 'Real, through the mel image and Griffin-Lim', clips: await Promise.all(roundTrips.map(({ image, inverted }, index) => put(`${base}-inverted-${index + 1}`, image, inverted))) },
        {
          title: 'Real, through the autoencoder',
          clips: await Promise.all(roundTrips.flatMap(({ decoded }, index) => (decoded === null ? [] : [put(`${base}-vae-${index + 1}`, decoded.image, decoded.clip)]))),
        },
        { title: 'Generated', clips: await Promise.all(generated.map((clip) => put(`${base}-generated-seed${clip.seed}`, clip.image, clip.clip))) },
      ].filter((row) => row.clips.length > 0),
    });
  }
  return sections;
}

/** Creates the function that writes one clip and its picture under `clips/` of a page. */
export function createClipWriter(folder: string): (name: string, image: MelImage, clip: Clip) => Promise<PageClip> {
  return async (name, image, clip) => {
    const audio = `clips/${name}.wav`;
    const picture = `clips/${name}.png`;
    await writeFile(join(folder, audio), await encodeWav(clip, { bitDepth: 16, onClip: 'normalise' }));
    await writeFile(join(folder, picture), renderPng(image, { scale: 2 }));
    const { peakDbfs } = measureLevel(...clip.channels);
    return { title: name, audio, picture, note: `peak ${decibels(peakDbfs)} dBFS` };
  };
}

/** The figures of an assessment in words, in the order they are read. */
export function figuresOf({ figures, isHeldOut }: Assessment): PageFigure[] {
  const { levels, vaeError, inversionError, judgeAgreement, judgeAccuracyOnTraining, judgeAccuracyOnValidation } = figures;
  const which = isHeldOut ? 'held-out clips' : 'clips that it was trained on, since none were held out';
  return [
    ...(judgeAgreement === null ? [] : [{ name: 'Judge’s agreement on generated clips', value: percent(judgeAgreement), meaning: 'Share of generated clips that a 5-nearest-neighbour judge, fitted on real training clips alone, gives the label they were drawn for.' }]),
    ...(judgeAccuracyOnTraining === null ? [] : [{ name: 'Judge’s accuracy on real training clips', value: percent(judgeAccuracyOnTraining), meaning: 'Each judged by all the others: about what perfectly lifelike clips would reach. More means purer examples of their label than the real ones.' }]),
    ...(judgeAccuracyOnValidation === null ? [] : [{ name: 'Judge’s accuracy on real held-out clips', value: percent(judgeAccuracyOnValidation), meaning: 'The same judge on real clips it has not seen: how far its word can be trusted.' }]),
    ...(vaeError === null ? [] : [{ name: 'Autoencoder error', value: `${vaeError.activeErrorDb.toFixed(2)} dB`, meaning: `Mean absolute difference on ${which}, over cells more than 4 dB above the floor. Below 3 dB is good.` }]),
    { name: 'Inversion error', value: `${inversionError.activeErrorDb.toFixed(2)} dB`, meaning: 'The same for mel image → sound → mel image, without any network: what inversion alone costs.' },
    { name: 'Silent clips', value: percent(levels.silentShare), meaning: 'Generated clips whose peak is below −60 dBFS. Should be 0.' },
    { name: 'Level in range', value: percent(levels.inRangeShare), meaning: `Generated clips as loud as real ones of their label are, give or take 3 dB. Median ${decibels(levels.medianLufs)} LUFS, of real clips ${decibels(levels.realMedianLufs)}. Peaks, which a mel image does not hold: median ${decibels(levels.medianPeakDbfs)} dBFS, of real clips ${decibels(levels.realMedianPeakDbfs)}; highest ${decibels(levels.highestPeakDbfs)} and ${decibels(levels.realHighestPeakDbfs)}.` },
  ];
}

function decibels(value: number): string {
  return Number.isFinite(value) ? decimals(value, 1) : '−∞';
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
