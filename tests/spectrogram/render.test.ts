import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { melSchema } from '../../src/config/mel.js';
import { colourMap } from '../../src/spectrogram/colour-map.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';
import { contactSheet, renderPng } from '../../src/spectrogram/render.js';

const settings = melSchema.parse({ melBins: 4, floorDb: -80, ceilingDb: 0 });
const image: MelImage = { settings, frameCount: 3, data: Float32Array.of(1, 1, 1, -1, -1, -1, 0, 0, 0, -1, -1, 1) };

/** Relative luminance of a colour, 0 to 1. */
function luminance(colours: ArrayLike<number>, index: number): number {
  const linear = [0, 1, 2].map((channel) => (colours[3 * index + channel] / 255) ** 2.2);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

describe('colourMap', () => {
  it('gets lighter with every level, from black to nearly white', () => {
    const colours = colourMap('ember');
    expect(Array.from(colours.subarray(0, 3))).toEqual([0, 0, 0]);
    // The first dozen levels are all but black in 8 bits.
    for (let index = 14; index < 256; index += 2) expect(luminance(colours, index), `level ${index}`).toBeGreaterThan(luminance(colours, index - 2));
    expect(luminance(colours, 255)).toBeGreaterThan(0.8);
  });

  it('has colour in the middle and none in grey', () => {
    const [red, green, blue] = colourMap('ember').subarray(3 * 128);
    expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeGreaterThan(60);
    expect(Array.from(colourMap('grey').subarray(3 * 77, 3 * 78))).toEqual([77, 77, 77]);
  });
});

describe('renderPng', () => {
  it('draws low frequency at the bottom, enlarged', () => {
    const png = decode(renderPng(image, { colours: 'grey', scale: 2 }));
    expect([png.width, png.height, png.channels, png.depth]).toEqual([6, 8, 3, 8]);
    const red = (x: number, y: number): number => png.data[3 * (y * png.width + x)];
    expect([red(0, 7), red(5, 6), red(0, 5), red(0, 3), red(0, 0), red(5, 1)]).toEqual([255, 255, 0, 128, 0, 255]);
  });

  it('shows a chosen range of decibels', () => {
    const png = decode(renderPng(image, { colours: 'grey', darkDb: -60, brightDb: -20 }));
    expect(png.data[3 * (1 * 3)]).toBe(128);
    const brighter = decode(renderPng(image, { colours: 'grey', brightDb: -40 }));
    expect(brighter.data[3 * (1 * 3)]).toBe(255);
  });

  it('refuses a scale that is not one', () => {
    expect(() => renderPng(image, { scale: 0 })).toThrow(/render: scale: got 0/);
  });
});

describe('contactSheet', () => {
  it('places images of different lengths in rows and columns', () => {
    const short: MelImage = { settings, frameCount: 1, data: new Float32Array(4).fill(1) };
    const png = decode(contactSheet([image, short, short], { columns: 2, gap: 1, colours: 'grey' }));
    expect([png.width, png.height]).toEqual([2 * 4 + 1, 2 * 5 + 1]);
    const red = (x: number, y: number): number => png.data[3 * (y * png.width + x)];
    expect([red(1, 4), red(5, 1), red(6, 1), red(1, 6), red(5, 6)]).toEqual([255, 255, 48, 255, 48]);
  });

  it('chooses columns and refuses an empty sheet', () => {
    const png = decode(contactSheet(Array.from({ length: 12 }, () => image), { gap: 0 }));
    expect(Math.abs(png.width - png.height)).toBeLessThanOrEqual(4);
    expect(() => contactSheet([])).toThrow(/contactSheet: images: got none/);
  });
});
