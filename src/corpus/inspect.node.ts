// Looks a corpus over before any training: reads every sound once and reports what is there and what may go wrong.
import { loadSound } from '../audio/load.node.js';
import { MelstromError } from '../base/errors.js';
import { inOrder } from '../base/in-order.js';
import { silentReporter, type Reporter } from '../base/logger.js';
import { createRandom } from '../base/random.js';
import { openWorkerPool } from '../base/worker-pool.node.js';
import type { RunConfig } from '../config/run-config.js';
import { createImageCodec, type ImageCodec } from '../spectrogram/image-codec.js';
import { silentFrame, type MelImage } from '../spectrogram/mel-image.js';
import { contactSheet } from '../spectrogram/render.js';
import type { MeasureTask } from './_measure-worker.node.js';
import { compareNames, type BadFile, type CorpusFile } from './corpus-file.js';
import { inspectionWarnings } from './inspection-warnings.js';
import type { FileFigure, Inspection, LabelReport } from './inspection.js';
import { measureFile, type FileMeasures, type MeasureSettings, type SoundMeasures } from './measure-sound.node.js';
import { surveyCorpus } from './scan.node.js';
import { threadsFor } from './threads-for.node.js';

const MEASURE_WORKER = new URL('./_measure-worker.node.js', import.meta.url);

export { describeInspection, type Inspection } from './inspection.js';

/** A sound with its measures. */
export interface Measured {
  readonly file: CorpusFile;
  readonly measures: SoundMeasures;
}

export interface InspectOptions {
  readonly config: Pick<RunConfig, 'seed' | 'mel' | 'corpus'>;
  readonly reporter?: Reporter;
  readonly withContactSheet?: boolean;
  /** Threads that measure files; 0 does it on this one. Default one per core where there is enough to do. */
  readonly workers?: number;
  /** Stops between two files. */
  readonly signal?: AbortSignal;
}

/**
 * Inspects a corpus. Files that cannot be read are part of the report, not an error.
 *
 * Memory: one block of one file at a time.
 * @throws MelstromError of kind 'data' when there is no sound at all, or none that can be read
 */
export async function inspectCorpus({ config, reporter = silentReporter, withContactSheet = false, workers, signal }: InspectOptions): Promise<Inspection> {
  const { mel, corpus, seed } = config;
  const scan = await surveyCorpus(corpus, { seed });
  const bad: BadFile[] = [...scan.bad];
  const measured: Measured[] = [];
  const progress = reporter.startProgress('inspect', scan.files.length, 'files');
  try {
    for await (const { file, found } of measureFiles(scan.files, { mel, rule: corpus.downmix }, { workers: workers ?? threadsFor(scan.files), signal })) {
      if ('measures' in found) measured.push({ file, measures: found.measures });
      else bad.push({ name: file.name, error: found.problem });
      progress.update(measured.length + bad.length - scan.bad.length);
    }
  } finally {
    progress.end();
  }
  if (measured.length === 0) throw nothingReadable(corpus.path, bad);
  const figures = { ...summarise(measured, config), path: corpus.path, manifest: scan.manifest, duplicates: scan.duplicates, bad, otherLabels: scan.otherLabels, otherFileCount: scan.otherFileCount };
  return { ...figures, warnings: inspectionWarnings(figures), contactSheet: withContactSheet ? await drawContactSheet(measured, { config, codec: createImageCodec(mel) }) : null };
}

/** In the order of the files, by threads where there are any, else here. */
async function* measureFiles(files: readonly CorpusFile[], settings: MeasureSettings, { workers, signal }: { readonly workers: number; readonly signal?: AbortSignal }): AsyncGenerator<{ file: CorpusFile; found: FileMeasures }> {
  const pool = await openWorkerPool(MEASURE_WORKER, Math.min(workers, files.length));
  try {
    yield* inOrder(files, pool === null ? 1 : 2 * pool.workers, async (file) => {
      signal?.throwIfAborted();
      const task: MeasureTask = { path: file.path, settings };
      return { file, found: pool === null ? await measureFile(file.path, settings) : await pool.run<FileMeasures>(task, { signal }) };
    });
  } finally {
    await pool?.close();
  }
}

type Summary = Omit<Inspection, 'path' | 'manifest' | 'duplicates' | 'bad' | 'otherLabels' | 'otherFileCount' | 'warnings' | 'contactSheet'>;

function summarise(measured: readonly Measured[], { mel, corpus }: InspectOptions['config']): Summary {
  const sum = (value: (measures: SoundMeasures) => number): number => measured.reduce((total, { measures }) => total + value(measures), 0);
  const countBy = (value: (measures: SoundMeasures) => string | number): Record<string, number> => countValues(measured.map(({ measures }) => String(value(measures))));
  const figures = (value: (measures: SoundMeasures) => number): FileFigure[] => measured.map(({ file, measures }) => ({ name: file.name, value: value(measures) })).sort((a, b) => b.value - a.value || compareNames(a.name, b.name));
  const durations = figures(({ seconds }) => seconds);
  const frames = sum(({ frameCount }) => frameCount);
  const above = figures(({ energy }) => energy.above / energyOf(energy));
  const slices = measured.map(({ measures }) => countSlices(measures.frameCount, { hop: corpus.sliceHopFrames ?? mel.frames, frames: mel.frames, ...corpus }));
  const sliceCount = slices.reduce((total, { count }) => total + count, 0);
  return {
    fileCount: measured.length,
    seconds: sum(({ seconds }) => seconds),
    medianSeconds: durations[Math.floor(durations.length / 2)].value,
    longest: durations[0],
    labels: labelReports(measured),
    groupCount: new Set(measured.map(({ file }) => file.group)).size,
    trainFiles: measured.filter(({ file }) => file.split === 'train').length,
    validationFiles: measured.filter(({ file }) => file.split === 'validation').length,
    sliceCount,
    paddingShare: 1 - slices.reduce((total, { filled }) => total + filled, 0) / (sliceCount * mel.frames),
    sampleRates: countBy(({ sampleRateHz }) => sampleRateHz),
    channels: countBy(({ channelCount }) => channelCount),
    formats: countBy(({ format }) => format),
    silentShare: sum(({ silentFrames }) => silentFrames) / frames,
    silentFiles: measured.filter(({ measures }) => measures.silentFrames === measures.frameCount).map(({ file }) => file.name),
    clipped: figures(({ clippedSamples }) => clippedSamples).filter(({ value }) => value > 0),
    tooShort: durations.filter(({ value }) => value * mel.sampleRateHz < mel.windowSamples).reverse(),
    codec: {
      aboveMaxHzShare: mean(above),
      belowMinHzShare: mean(figures(({ energy }) => energy.below / energyOf(energy))),
      mostAboveMaxHz: above.slice(0, 5).filter(({ value }) => value > 0.01),
      floorShare: sum(({ floorCells }) => floorCells) / (frames * mel.melBins * mel.channels),
      ceilingShare: sum(({ ceilingCells }) => ceilingCells) / (frames * mel.melBins * mel.channels),
    },
  };
}

/** Never 0, so that silence divides. */
function energyOf({ below, within, above }: SoundMeasures['energy']): number {
  return Math.max(below + within + above, Number.MIN_VALUE);
}

function mean(figures: readonly FileFigure[]): number {
  return figures.reduce((sum, { value }) => sum + value, 0) / figures.length;
}

function countValues(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

interface SliceRule {
  readonly hop: number;
  readonly frames: number;
  readonly minFill: number;
  readonly maxSlicesPerFile: number | null;
}

/** What the slicer gives for a sound of so many frames, onset alignment aside: how many slices, how many frames of sound in them. */
function countSlices(frameCount: number, { hop, frames, minFill, maxSlicesPerFile }: SliceRule): { count: number; filled: number } {
  let count = 0;
  let filled = 0;
  for (let start = 0, covered = 0; covered < frameCount && count < (maxSlicesPerFile ?? Infinity); start += hop) {
    const fill = Math.min(frames, frameCount - start);
    covered = start + fill;
    if (count > 0 && fill < minFill * frames) break;
    count += 1;
    filled += fill;
  }
  return { count, filled };
}

function labelReports(measured: readonly Measured[]): LabelReport[] {
  const names = [...new Set(measured.map(({ file }) => file.label))].sort((a, b) => compareNames(a ?? '\uffff', b ?? '\uffff'));
  return names.map((label) => {
    const own = measured.filter(({ file }) => file.label === label);
    return {
      label,
      files: own.length,
      seconds: own.reduce((sum, { measures }) => sum + measures.seconds, 0),
      groups: new Set(own.map(({ file }) => file.group)).size,
      trainFiles: own.filter(({ file }) => file.split === 'train').length,
      validationFiles: own.filter(({ file }) => file.split === 'validation').length,
    };
  });
}

/** Sounds per label on the contact sheet, a row each; at most so many rows. */
const SHEET_COLUMNS = 8;
const SHEET_ROWS = 24;

async function drawContactSheet(measured: readonly Measured[], { config, codec }: { config: InspectOptions['config']; codec: ImageCodec }): Promise<Uint8Array> {
  const labels = labelReports(measured).slice(0, SHEET_ROWS);
  const images: MelImage[] = [];
  for (const { label } of labels) {
    const own = measured.filter(({ file }) => file.label === label);
    const order = createRandom(config.seed, 'contact sheet', label ?? '').permutation(own.length);
    for (const index of Array.from(order.subarray(0, SHEET_COLUMNS)).sort((a, b) => a - b)) images.push(await sheetImage(own[index].file.path, { config, codec }));
    while (images.length % SHEET_COLUMNS !== 0) images.push(silentImage(config.mel));
  }
  return contactSheet(images, { columns: SHEET_COLUMNS });
}

async function sheetImage(path: string, { config: { mel, corpus }, codec }: { config: InspectOptions['config']; codec: ImageCodec }): Promise<MelImage> {
  const sound = await loadSound(path, { ...mel, downmix: corpus.downmix });
  return codec.analyse(sound.map((samples) => {
    const wanted = new Float32Array(mel.frames * mel.hopSamples - 1);
    wanted.set(samples.subarray(0, wanted.length));
    return wanted;
  }));
}

function silentImage(settings: MelImage['settings']): MelImage {
  const frame = silentFrame(settings);
  return { settings, frameCount: settings.frames, data: Float32Array.from({ length: frame.length * settings.frames }, (_, cell) => frame[Math.floor(cell / settings.frames)]) };
}

function nothingReadable(path: string, bad: readonly BadFile[]): MelstromError {
  return new MelstromError({ kind: 'data', where: path, got: `no sound that can be read\n${bad.map(({ name, error }) => `  ${name}: ${error}`).join('\n')}\n`, expected: 'at least one' });
}
