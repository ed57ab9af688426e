// How a training step's time and memory grow with batch, frames and channels: what is measured, and the plot of it.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Job } from './job.js';
import { DRUMS, settingsFor } from './rows.js';
import { startWorker, type WorkerProgram } from './worker-process.js';

/** One training step of the drum configuration's UNet, in one way larger or smaller. */
export interface GrowthPlan {
  readonly axis: 'batch' | 'frames' | 'channels';
  /** Slices in a batch, frames of a slice, channels of the first level. */
  readonly size: number;
  readonly batchSize: number;
  readonly overrides: readonly string[];
}

export interface GrowthPoint {
  readonly axis: GrowthPlan['axis'];
  readonly size: number;
  readonly milliseconds: number;
  /** Peak of the process, engine and library included; null where the system does not tell. */
  readonly megabytes: number | null;
}

const BATCH_SIZES = [1, 2, 4, 8, 16];
const FRAMES = [32, 64, 128, 256, 512];
const CHANNELS = [32, 64, 96, 128, 192];
const BATCH = 8;

/** What is measured, one thing changed at a time. @param isQuick the smallest size of each alone */
export function growthPlans(isQuick = false): GrowthPlan[] {
  const plans = [
    ...BATCH_SIZES.map((size): GrowthPlan => ({ axis: 'batch', size, batchSize: size, overrides: [] })),
    ...FRAMES.map((size): GrowthPlan => ({ axis: 'frames', size, batchSize: BATCH, overrides: [`mel.frames=${size}`, `vae.cropFrames=${Math.min(64, size)}`] })),
    ...CHANNELS.map((size): GrowthPlan => ({ axis: 'channels', size, batchSize: BATCH, overrides: [`unet.network.block_out_channels=${JSON.stringify([size, size + 64, size + 128])}`] })),
  ];
  return isQuick ? [plans[0], { ...plans[BATCH_SIZES.length], batchSize: 1 }, { ...plans[BATCH_SIZES.length + FRAMES.length], batchSize: 1 }] : plans;
}

export interface GrowthOptions {
  readonly program: WorkerProgram;
  readonly folder: string;
  readonly threads: number;
  readonly turnMilliseconds: number;
  readonly signal: AbortSignal;
}

/** Measures one point in a process of its own. */
export async function measureGrowth({ axis, size, batchSize, overrides }: GrowthPlan, { program, folder, threads, turnMilliseconds, signal }: GrowthOptions): Promise<GrowthPoint> {
  const job: Job = { job: 'unet-step', engine: 'auto', precision: 'auto', config: DRUMS, overrides, settings: settingsFor(batchSize), folder: mkdtempSync(join(folder, 'growth-')), threads, turnMilliseconds };
  const worker = await startWorker(program, job, signal);
  try {
    return { axis, size, milliseconds: await worker.run(), megabytes: worker.peakMegabytes() };
  } finally {
    await worker.end();
  }
}

/** One line per point. */
export function growthLines(points: readonly GrowthPoint[]): string[] {
  return points.map(({ axis, size, milliseconds, megabytes }) => `${axis} ${size}: ${milliseconds.toFixed(0)} ms a step${megabytes === null ? '' : `, ${megabytes.toFixed(0)} MB at most`}`);
}

const PANEL = { width: 260, height: 180, left: 56, top: 34, gap: 84 } as const;
const AXES = ['batch', 'frames', 'channels'] as const;
const FIGURES = [{ title: 'ms a step', colour: '#2060c0', of: (point: GrowthPoint) => point.milliseconds }, { title: 'MB', colour: '#c04020', of: (point: GrowthPoint) => point.megabytes }] as const;

/** An SVG of two rows of panels, time above and memory below; every axis starts at 0, so that what is proportional is a straight line through the corner. */
export function growthPlot(points: readonly GrowthPoint[], title: string): string {
  const width = PANEL.left + AXES.length * (PANEL.width + PANEL.gap);
  const height = PANEL.top + FIGURES.length * (PANEL.height + PANEL.gap);
  const panels = FIGURES.flatMap(({ title: unit, colour, of }, row) => AXES.map((axis, column) => {
    const values = points.filter((point) => point.axis === axis).flatMap((point) => (of(point) === null ? [] : [{ x: point.size, y: of(point)! }]));
    return panel({ values, axis, unit, colour, x: PANEL.left + column * (PANEL.width + PANEL.gap), y: PANEL.top + row * (PANEL.height + PANEL.gap) });
  }));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n<text x="${PANEL.left}" y="18" font-size="13">${title}</text>\n${panels.join('\n')}\n</svg>\n`;
}

interface Panel {
  readonly values: readonly { readonly x: number; readonly y: number }[];
  readonly axis: string;
  readonly unit: string;
  readonly colour: string;
  readonly x: number;
  readonly y: number;
}

function panel({ values, axis, unit, colour, x, y }: Panel): string {
  const [widest, highest] = [Math.max(1, ...values.map((value) => value.x)), Math.max(1, ...values.map((value) => value.y))];
  const across = (value: number): string => (x + (value / widest) * PANEL.width).toFixed(1);
  const up = (value: number): string => (y + PANEL.height * (1 - value / highest)).toFixed(1);
  const bottom = y + PANEL.height;
  return [
    `<path d="M${x} ${y}V${bottom}H${x + PANEL.width}" fill="none" stroke="black"/>`,
    `<text x="${x - 6}" y="${y + 8}" text-anchor="end">${highest.toFixed(0)}</text><text x="${x - 6}" y="${bottom}" text-anchor="end">0</text><text x="${x + 6}" y="${y + 8}">${unit}</text>`,
    `<text x="${x + PANEL.width}" y="${bottom + 30}" text-anchor="end">${axis}</text>`,
    ...values.map((value) => `<text x="${across(value.x)}" y="${bottom + 14}" text-anchor="middle">${value.x}</text><circle cx="${across(value.x)}" cy="${up(value.y)}" r="3" fill="${colour}"/>`),
    `<polyline points="${values.map((value) => `${across(value.x)},${up(value.y)}`).join(' ')}" fill="none" stroke="${colour}"/>`,
  ].join('\n');
}
