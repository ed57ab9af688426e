// Pictures of mel images for pages: coloured, enlarged, side by side. Not for machines: values are not read back from these.
import { encode } from 'fast-png';
import { requireInteger } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { imageRows } from '../config/mel-layout.js';
import { colourMap, type ColourMapName } from './colour-map.js';
import { dbToImageValue, requireMelImage, type MelImage } from './mel-image.js';

export interface RenderOptions {
  /** Default ember: black, violet, orange, pale yellow. */
  readonly colours?: ColourMapName;
  /** Screen pixels per cell, in [1, 32], default 1. */
  readonly scale?: number;
  /** Decibels re full scale shown as the darkest colour; default the codec's floor. */
  readonly darkDb?: number;
  /** Decibels re full scale shown as the brightest colour; default the codec's ceiling. */
  readonly brightDb?: number;
}

export interface ContactSheetOptions extends RenderOptions {
  /** Pictures per row, default about as many as make the sheet square. */
  readonly columns?: number;
  /** Pixels between pictures, default 4. */
  readonly gap?: number;
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const PAPER = 0x30;

/** One image as a coloured PNG, low frequency at the bottom; of stereo sound mid, side and panning from the bottom up. */
export function renderPng(image: MelImage, options: RenderOptions = {}): Uint8Array {
  const scale = requireScale(options);
  const canvas = createCanvas(image.frameCount * scale, imageRows(image.settings) * scale);
  draw(canvas, image, { left: 0, top: 0 }, options);
  return encodeCanvas(canvas);
}

/** Many images on one coloured PNG, row after row, each at the bottom left of its place. They may differ in length. */
export function contactSheet(images: readonly MelImage[], options: ContactSheetOptions = {}): Uint8Array {
  if (images.length === 0) throw new MelstromError({ kind: 'usage', where: 'contactSheet: images', got: 'none', expected: 'at least one' });
  const scale = requireScale(options);
  const { gap = 4 } = options;
  requireInteger('contactSheet: gap', gap, { min: 0, max: 1000 });
  const width = scale * Math.max(...images.map((image) => image.frameCount));
  const height = scale * Math.max(...images.map((image) => imageRows(image.settings)));
  const square = Math.max(1, Math.round(Math.sqrt((images.length * (height + gap)) / (width + gap))));
  const columns = requireInteger('contactSheet: columns', options.columns ?? square, { min: 1, max: 10_000 });
  const usedColumns = Math.min(columns, images.length);
  const rows = Math.ceil(images.length / columns);
  const canvas = createCanvas(usedColumns * (width + gap) + gap, rows * (height + gap) + gap);
  for (const [index, image] of images.entries()) {
    const left = gap + (index % columns) * (width + gap);
    const bottom = (Math.floor(index / columns) + 1) * (height + gap);
    draw(canvas, image, { left, top: bottom - imageRows(image.settings) * scale }, options);
  }
  return encodeCanvas(canvas);
}

function requireScale({ scale = 1 }: RenderOptions): number {
  return requireInteger('render: scale', scale, { min: 1, max: 32 });
}

function createCanvas(width: number, height: number): Canvas {
  return { width, height, data: new Uint8Array(width * height * 3).fill(PAPER) };
}

function encodeCanvas({ width, height, data }: Canvas): Uint8Array {
  return encode({ width, height, data, depth: 8, channels: 3 });
}

/** Mutates: canvas. */
function draw(canvas: Canvas, image: MelImage, { left, top }: { readonly left: number; readonly top: number }, options: RenderOptions): void {
  requireMelImage(image, 'render');
  const { settings, frameCount, data } = image;
  const { colours = 'ember', scale = 1, darkDb = settings.floorDb, brightDb = settings.ceilingDb } = options;
  const palette = colourMap(colours);
  const dark = dbToImageValue(darkDb, settings);
  const range = dbToImageValue(brightDb, settings) - dark;
  const rows = imageRows(settings);
  for (let y = 0; y < rows * scale; y += 1) {
    const row = rows - 1 - Math.floor(y / scale);
    const isPanning = row >= 2 * settings.melBins; // no level: from right to left, whatever levels are shown
    for (let x = 0; x < frameCount * scale; x += 1) {
      const value = data[row * frameCount + Math.floor(x / scale)];
      const level = isPanning ? (value + 1) / 2 : (value - dark) / range;
      const colour = 3 * Math.round(255 * Math.min(Math.max(level, 0), 1));
      const pixel = 3 * ((top + y) * canvas.width + left + x);
      canvas.data[pixel] = palette[colour];
      canvas.data[pixel + 1] = palette[colour + 1];
      canvas.data[pixel + 2] = palette[colour + 2];
    }
  }
}
