// The report of a corpus as plain data, and in words. Knows no files.
import type { BadFile, Duplicate } from './corpus-file.js';

export interface LabelReport {
  /** Null for sounds without a label. */
  readonly label: string | null;
  readonly files: number;
  readonly seconds: number;
  readonly groups: number;
  readonly trainFiles: number;
  readonly validationFiles: number;
}

/** A file and a figure about it. */
export interface FileFigure {
  readonly name: string;
  readonly value: number;
}

export interface Inspection {
  readonly path: string;
  readonly manifest: string | null;
  /** Files that could be read; the other figures are of these. */
  readonly fileCount: number;
  readonly seconds: number;
  readonly medianSeconds: number;
  readonly longest: FileFigure | null;
  readonly labels: readonly LabelReport[];
  readonly groupCount: number;
  readonly trainFiles: number;
  readonly validationFiles: number;
  /** Slices that `prepare` would cut, and the share of their frames that is padding. */
  readonly sliceCount: number;
  readonly paddingShare: number;
  /** Files per sample rate, channel count and format. */
  readonly sampleRates: Readonly<Record<string, number>>;
  readonly channels: Readonly<Record<string, number>>;
  readonly formats: Readonly<Record<string, number>>;
  /** Share of all frames with every cell at the codec's floor, and the files that are nothing else. */
  readonly silentShare: number;
  readonly silentFiles: readonly string[];
  /** Clipped samples per file. */
  readonly clipped: readonly FileFigure[];
  /** Files shorter than one analysis window, in seconds. */
  readonly tooShort: readonly FileFigure[];
  readonly duplicates: readonly Duplicate[];
  readonly bad: readonly BadFile[];
  readonly otherLabels: Readonly<Record<string, number>>;
  readonly otherFileCount: number;
  /** What the codec would lose. Shares from 0 to 1: of each file's energy, averaged over files; of all cells. */
  readonly codec: {
    readonly aboveMaxHzShare: number;
    readonly belowMinHzShare: number;
    readonly mostAboveMaxHz: readonly FileFigure[];
    readonly floorShare: number;
    readonly ceilingShare: number;
  };
  readonly warnings: readonly string[];
  /** Pictures of some sounds of each label, as a PNG; null unless asked for. */
  readonly contactSheet: Uint8Array | null;
}

const SHOWN = 10;

/** The report as lines of text. */
export function describeInspection(report: Inspection): string[] {
  const { codec } = report;
  const lines = [
    `${report.path}: ${report.fileCount} files, ${durationText(report.seconds)}, median ${report.medianSeconds.toFixed(2)} s${report.longest === null ? '' : `, longest ${report.longest.value.toFixed(1)} s (${report.longest.name})`}`,
    ...(report.manifest === null ? [] : [`manifest: ${report.manifest}`]),
    `split: ${report.trainFiles} training and ${report.validationFiles} validation files, ${report.groupCount} groups; ${report.sliceCount} slices, ${percent(report.paddingShare)} of them padding`,
    ...labelTable(report.labels),
    `sample rates: ${countsText(report.sampleRates, ' Hz')}`,
    `channels: ${countsText(report.channels)}`,
    `formats: ${countsText(report.formats)}`,
    `silence: ${percent(report.silentShare)} of frames${report.silentFiles.length === 0 ? '' : `; silent throughout: ${namesText(report.silentFiles)}`}`,
    `clipping: ${report.clipped.length === 0 ? 'none' : `${report.clipped.length} files; ${namesText(report.clipped.map(({ name, value }) => `${name} (${value} samples)`))}`}`,
    `shorter than one analysis window: ${report.tooShort.length === 0 ? 'none' : namesText(report.tooShort.map(({ name, value }) => `${name} (${(value * 1000).toFixed(0)} ms)`))}`,
    `duplicates: ${report.duplicates.length === 0 ? 'none' : namesText(report.duplicates.map(({ name, sameAs, hasOtherLabel }) => `${name} = ${sameAs}${hasOtherLabel ? ' (under another label)' : ''}`))}`,
    `the codec would lose ${percent(codec.aboveMaxHzShare)} of energy above its band and ${percent(codec.belowMinHzShare)} below; ${percent(codec.floorShare)} of cells lie at its floor, ${percent(codec.ceilingShare)} at its ceiling`,
  ];
  const others = Object.entries(report.otherLabels).map(([label, count]) => `${label} ${count}`);
  if (others.length > 0) lines.push(`left out by corpus.labels: ${others.join(', ')}`);
  if (report.otherFileCount > 0) lines.push(`files that are no sound: ${report.otherFileCount}`);
  if (report.bad.length > 0) lines.push(`cannot be read: ${report.bad.length} files`, ...report.bad.map(({ name, error }) => `  ${name}: ${error}`));
  return [...lines, ...report.warnings.map((warning) => `warning: ${warning}`)];
}

function labelTable(labels: readonly LabelReport[]): string[] {
  if (labels.every(({ label }) => label === null)) return ['labels: none'];
  const width = Math.max(...labels.map(({ label }) => (label ?? '(none)').length));
  return labels.map(({ label, files, seconds, groups, trainFiles, validationFiles }) =>
    `  ${(label ?? '(none)').padEnd(width)}  ${String(files).padStart(5)} files  ${durationText(seconds).padStart(8)}  ${groups} groups  ${trainFiles} train, ${validationFiles} validation`,
  );
}

function namesText(names: readonly string[]): string {
  return names.length > SHOWN ? `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more` : names.join(', ');
}

function countsText(counts: Readonly<Record<string, number>>, unit = ''): string {
  return Object.entries(counts).sort(([, a], [, b]) => b - a).map(([name, count]) => `${name}${unit} × ${count}`).join(', ');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
