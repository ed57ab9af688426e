// Plots as a browser sets them: no word of a plot may lie on another.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../src/evaluation/page.js';
import { renderLinePlot } from '../../src/evaluation/page-plot.js';
import { findChromium, NO_BROWSER, startBrowser } from '../support/browser.js';

const hasBrowser = findChromium() !== null;

describe.skipIf(!hasBrowser)(`plots${hasBrowser ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it.each([
    ['learning rates', [2e-5, 4e-4], true],
    ['small shares', [0, 0.00123], false],
    ['large losses', [-120_000, 3_400_000], false],
    ['round numbers', [0, 1], false],
  ] as const)('keep their words apart: %s', async (_, [low, high], isLog) => {
    const plot = renderLinePlot({ title: 't', xLabel: 'step', yLabel: 'learningRate', isLog, series: [{ name: 'a', points: [[1, low], [100_000, high]] }] });
    const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
    await page.setContent(renderPage({ title: 't', body: plot }));
    const boxes = await page.evaluate(() => [...document.querySelectorAll('figure.plot text')].map((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      return { text: text.textContent, left, right, top, bottom };
    }));
    const [drawing] = await page.evaluate(() => [document.querySelector('figure.plot svg')!.getBoundingClientRect()].map(({ left, right }) => ({ left, right })));
    await page.close();
    expect(boxes.length).toBeGreaterThan(5);
    for (const [index, a] of boxes.entries()) {
      expect(a.left, String(a.text)).toBeGreaterThanOrEqual(drawing.left);
      expect(a.right, String(a.text)).toBeLessThanOrEqual(drawing.right);
      for (const b of boxes.slice(index + 1)) {
        const isApart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
        expect(isApart, `${a.text} and ${b.text}`).toBe(true);
      }
    }
  });
});
