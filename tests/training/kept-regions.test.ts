import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { drawKeptRegions } from '../../src/training/kept-regions.js';

const [rows, columns] = [4, 6];

/** Each item's cells, as rows of 0 and 1. */
function items(share: number, count: number): number[][][] {
  const all = drawKeptRegions(createRandom(5, 'regions'), { count, rows, columns, share });
  return Array.from({ length: count }, (_, item) => Array.from({ length: rows }, (_, row) => [...all.subarray((item * rows + row) * columns, (item * rows + row + 1) * columns)]));
}

describe('drawKeptRegions', () => {
  it('keeps nothing of any item at a share of 0', () => {
    expect(items(0, 20).flat(2).every((value) => value === 0)).toBe(true);
  });

  it('draws one rectangle of each item at a share of 1, never all of it, and keeps the rest', () => {
    for (const item of items(1, 500)) {
      const drawnRows = item.flatMap((row, index) => (row.includes(0) ? [index] : []));
      const drawnColumns = item[drawnRows[0]].flatMap((value, index) => (value === 0 ? [index] : []));
      for (const [row, cells] of item.entries()) expect(cells.flatMap((value, index) => (value === 0 ? [index] : []))).toEqual(drawnRows.includes(row) ? drawnColumns : []);
      for (const span of [drawnRows, drawnColumns]) expect(span.at(-1)! - span[0]).toBe(span.length - 1);
      expect(drawnRows.length * drawnColumns.length).toBeLessThan(rows * columns);
    }
  });

  it('draws the start, the end and what lies between of any length, bands, and stretches of bands', () => {
    const seen = new Set(items(1, 2000).map((item) => item.map((row) => row.join('')).join('/')));
    const inAllRows = (row: string): boolean => seen.has(Array.from({ length: rows }, () => row).join('/'));
    for (const row of ['011111', '000001', '111110', '100000', '110011', '101111']) expect(inAllRows(row), row).toBe(true);
    for (const band of ['000000/111111/111111/111111', '111111/000000/000000/111111', '111111/111111/111111/000000']) expect(seen.has(band), band).toBe(true);
    expect([...seen].some((cells) => cells.startsWith('111111/11') && cells.includes('/110') && cells.endsWith('/111111'))).toBe(true);
  });

  it('keeps a part of as many items as the share says', () => {
    const parts = items(0.3, 2000).filter((item) => item.flat().includes(1)).length;
    expect(Math.abs(parts / 2000 - 0.3)).toBeLessThan(0.04);
  });
});
