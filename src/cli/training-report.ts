// Writes report.html into a run folder, from nothing but what lies there and the corpus: what training calls at its checkpoints.
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeWhole } from '../audio/write-whole.node.js';
import { messageOf } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import { stringifyRunConfig, type RunConfig } from '../config/run-config.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { renderRunReport, type ReportPreview, type ReportStage } from '../evaluation/run-report.js';
import { readLoggedNumbers } from '../training/read-events.node.js';

export const REPORT_NAME = 'report.html';
/** The latest first: its previews are embedded before others. */
const STAGES = [['vocoder', 'vocoder'], ['upscaler', 'upscaler'], ['unet', 'UNet'], ['vae', 'autoencoder']] as const;
/** Previews shown of each stage: the first, the last, and others between them. */
const MOST_PREVIEWS = 6;
/** Pictures and sounds beyond this stay files beside the page, so that the page can be mailed. Unit: bytes. */
const MOST_EMBEDDED = 6e6;

export interface TrainingReportOptions {
  readonly runFolder: string;
  readonly config: RunConfig;
  readonly corpus: Pick<PreparedCorpus, 'labels' | 'labelsOf'>;
  readonly reporter: Reporter;
  /** Unit: milliseconds since 1970. */
  readonly now?: () => number;
}

/** Creates the callback. A report that can't be written is a warning: the checkpoint it follows is safe. */
export function createTrainingReport(options: TrainingReportOptions): () => Promise<void> {
  return async () => {
    try {
      await writeWhole(join(options.runFolder, REPORT_NAME), await renderReport(options), { force: true });
    } catch (cause) {
      options.reporter.log.warn(`${REPORT_NAME} was not written: ${messageOf(cause)}`);
    }
  };
}

async function renderReport({ runFolder, config, corpus, now = Date.now }: TrainingReportOptions): Promise<string> {
  const embed = createEmbedder(runFolder);
  const stages: ReportStage[] = [];
  for (const [stage, name] of STAGES) {
    const numbers = readLoggedNumbers(join(runFolder, 'events', stage));
    if (numbers.size === 0) continue;
    const previews: ReportPreview[] = [];
    for (const step of chosen(previewSteps(runFolder, stage)).reverse()) previews.unshift({ step, things: await thingsOf(runFolder, { folder: `previews/${stage}-step-${step}`, embed }) });
    stages.unshift({ name, step: numbers.get('train/loss')?.at(-1)?.[0] ?? 0, steps: config[stage]?.training.steps ?? 0, numbers, previews });
  }
  const count = (split: 'train' | 'validation', label: number): number => corpus.labelsOf(split).filter((own) => own === label).length;
  const data = [...corpus.labels, 'without label'].map((label, index) => ({ label, train: count('train', index), validation: count('validation', index) })).filter(({ train, validation }) => train + validation > 0);
  return renderRunReport({ title: `Training of ${config.name || basename(runFolder)}`, written: new Date(now()).toISOString().slice(0, 16).replace('T', ' ') + ' UTC', stages, data, settings: stringifyRunConfig(config) });
}

/** In order. */
function previewSteps(runFolder: string, stage: string): number[] {
  const folder = join(runFolder, 'previews');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (name.startsWith(`${stage}-step-`) ? [Number(name.slice(`${stage}-step-`.length))] : [])).filter(Number.isInteger).sort((a, b) => a - b);
}

/** Evenly chosen, first and last among them. */
function chosen(steps: readonly number[]): number[] {
  if (steps.length <= MOST_PREVIEWS) return [...steps];
  return Array.from({ length: MOST_PREVIEWS }, (_, index) => steps[Math.round((index * (steps.length - 1)) / (MOST_PREVIEWS - 1))]);
}

async function thingsOf(runFolder: string, { folder, embed }: { readonly folder: string; readonly embed: Embedder }): Promise<ReportPreview['things']> {
  const files = readdirSync(join(runFolder, folder)).sort();
  const pictures = files.filter((name) => name.endsWith('.png')).map((name) => name.slice(0, -'.png'.length));
  const things: ReportPreview['things'][number][] = [];
  for (const title of pictures) {
    const picture = await embed(`${folder}/${title}.png`, 'image/png');
    things.push(files.includes(`${title}.wav`) ? { title, picture, audio: await embed(`${folder}/${title}.wav`, 'audio/wav') } : { title, picture });
  }
  return things;
}

/** A path under the run folder → a data URI while there is room, else the path. */
type Embedder = (path: string, type: string) => Promise<string>;

function createEmbedder(runFolder: string): Embedder {
  let left = MOST_EMBEDDED;
  return async (path, type) => {
    const bytes = await readFile(join(runFolder, path));
    if (bytes.byteLength > left) return path;
    left -= bytes.byteLength;
    return `data:${type};base64,${bytes.toString('base64')}`;
  };
}
