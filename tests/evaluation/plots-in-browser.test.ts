// Plots as a browser sets them: no word of a plot may lie on another.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../src/evaluation/page.js';
import { renderIntervalPlot, renderLinePlot } from '../../src/evaluation/page-plot.js';
import { findChromium, NO_BROWSER, startBrowser } from '../support/browser.js';

const hasBrowser = findChromium() !== null;

describe.skipIf(!hasBrowser)(`plots${hasBrowser ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  /** The words of the plots of a page that are shown, with what they lie on, as large as the window makes them. */
  async function words(plot: string, width: number) {
    const page = await browser.newPage({ viewport: { width, height: 700 } });
    await page.setContent(renderPage({ title: 't', body: plot }));
    const found = await page.evaluate(() => [...document.querySelectorAll('figure.plot svg')].filter((svg) => svg.getClientRects().length > 0).map((svg) => {
      const box = (element: Element) => (({ left, right, top, bottom }) => ({ left, right, top, bottom }))(element.getBoundingClientRect());
      const scale = svg.getBoundingClientRect().width / (svg as SVGSVGElement).viewBox.baseVal.width;
      const texts = [...svg.querySelectorAll('text')].map((text) => ({ text: text.textContent, size: scale * Number.parseFloat(getComputedStyle(text).fontSize), ...box(text) }));
      return { drawing: box(svg), texts };
    }));
    await page.close();
    return found;
  }

  async function expectReadable(plot: string, width: number): Promise<void> {
    const found = await words(plot, width);
    expect(found).toHaveLength(1); // of the two drawings one is shown
    const [{ drawing, texts }] = found;
    expect(texts.length).toBeGreaterThan(4);
    for (const [index, a] of texts.entries()) {
      expect(a.size, String(a.text)).toBeGreaterThan(10); // pixels
      expect(a.left, String(a.text)).toBeGreaterThanOrEqual(drawing.left);
      expect(a.right, String(a.text)).toBeLessThanOrEqual(drawing.right);
      for (const b of texts.slice(index + 1)) {
        const isApart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
        expect(isApart, `${a.text} and ${b.text}`).toBe(true);
      }
    }
  }

  it.each([320, 480, 900, 1400].flatMap((width) => ([
    ['learning rates', [2e-5, 4e-4], true],
    ['small shares', [0, 0.00123], false],
    ['large losses', [-120_000, 3_400_000], false],
    ['round numbers', [0, 1], false],
  ] as const).map(([name, range, isLog]) => [width, name, range, isLog] as const)))('keep their words apart and large enough, %i wide: %s', async (width, _, [low, high], isLog) => {
    await expectReadable(renderLinePlot({ title: 't', xLabel: 'step', yLabel: 'learningRate', isLog, series: [{ name: 'a', points: [[1, low], [100_000, high]] }] }), width);
  });

  it.each([320, 480, 900, 1400])('keep the names of rows apart from their numbers, %i wide', async (width) => {
    const rows = ['The clips', 'Held-out real clips', 'a name that is longer than there is room for it in any drawing'].map((name, index) => ({ name, value: 10 * index, low: 10 * index - 5, high: 10 * index + 3.25 }));
    await expectReadable(renderIntervalPlot({ title: 't', xLabel: 'Fréchet distance', rows }), width);
  });
});
