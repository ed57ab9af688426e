// The pages as a browser shows them: names, focus, contrast and width, on every screen, wide and narrow, light and dark.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderDemoPage } from '../../../src/evaluation/demo-page.js';
import { renderListeningPage } from '../../../src/evaluation/listening/listening-page.node.js';
import { contrast } from '../contrast.js';
import { findChromium, NO_BROWSER, startBrowser } from '../../support/browser.js';
import { createTestFolder, makeTest } from './listening-folder.js';

const hasBrowser = findChromium() !== null;
/** A busy machine takes its time to load a sound. */
const PATIENT = { timeout: 20_000 };

interface Shown {
  readonly what: string;
  readonly colour: string;
  readonly under: string;
}

describe.skipIf(!hasBrowser)(`a page in a browser${hasBrowser ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  let root = '';
  beforeAll(async () => {
    browser = await startBrowser();
    root = createTestFolder(['reference', 'codec']);
    for (const kind of ['mushra', 'abx'] as const) writeFileSync(join(root, `${kind}.html`), renderListeningPage(await makeTest(root, kind, { trials: 1 })));
    const clip = { title: 'kick', audio: 'codec/kick #1.wav', picture: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', note: 'peak −3 dBFS' };
    writeFileSync(join(root, 'demo.html'), renderDemoPage({ title: 'Demo', introduction: 'words', figures: [{ name: 'n', value: '1', meaning: 'm' }], sections: [{ title: 's', rows: [{ title: 'r', clips: [clip, { ...clip, title: 'bell', audio: 'codec/bell é.wav' }] }] }], details: 'a: 1' }));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it.each([['light', 1200], ['dark', 360]] as const)('is %s and %i wide: named, readable, with visible focus and nothing cut off', async (colorScheme, width) => {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    const open = (name: string) => page.goto(pathToFileURL(join(root, `${name}.html`)).href);
    await open('mushra');
    await page.locator('#listener').waitFor();
    await checkScreen(page);
    await page.locator('#listener').focus();
    await page.keyboard.type('Ann');
    await page.keyboard.press('Enter');
    await page.locator('.ratings').waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Trial 1 of 2'); // read out first
    await page.keyboard.press('1');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Quality of sound 1');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-valuetext'))).toBe('not rated yet');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-valuetext'))).toBe('51, fair');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('status').textContent()).toContain('Listen to');
    await checkScreen(page);

    await open('abx');
    await page.keyboard.type('Ann');
    await page.keyboard.press('Enter');
    await page.locator('.choices').waitFor();
    for (const key of ['a', 'b', 'x', '1']) await page.keyboard.press(key);
    expect(await page.getByRole('radio', { name: 'X is A' }).isChecked()).toBe(true);
    expect(await page.getByRole('button', { name: 'X', exact: true }).getAttribute('aria-pressed')).toBe('true');
    await checkScreen(page);
    await page.locator('.next').press('Enter');
    await page.locator('.downloads').waitFor();
    await page.locator('summary').click();
    await checkScreen(page);
    await context.close();
  });

  it('plays one sound at a time, and seeks in spectrograms by mouse and by keys', async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(join(root, 'demo.html')).href);
    const slider = page.getByRole('slider', { name: 'Position in kick' });
    const time = () => page.locator('audio').first().evaluate((audio: HTMLAudioElement) => audio.currentTime / audio.duration);
    const box = (await slider.boundingBox())!;
    await slider.click({ position: { x: box.width / 2, y: 10 } });
    await expect.poll(time, PATIENT).toBeCloseTo(0.5, 1);
    await slider.press('End');
    await expect.poll(time, PATIENT).toBeCloseTo(1, 2);
    await slider.press('Home');
    await slider.press('ArrowRight');
    await expect.poll(time, PATIENT).toBeCloseTo(0.02, 2);
    expect(Number(await slider.getAttribute('aria-valuenow'))).toBeCloseTo(0.02 * 0.3, 2);
    await page.locator('audio').nth(0).evaluate((audio: HTMLAudioElement) => Object.assign(audio, { loop: true }).play());
    await page.locator('audio').nth(1).evaluate((audio: HTMLAudioElement) => Object.assign(audio, { loop: true }).play());
    await expect.poll(() => page.locator('audio').evaluateAll((audios) => audios.map((audio) => (audio as HTMLAudioElement).paused)), PATIENT).toEqual([true, false]);
    await checkScreen(page);
    await page.close();
  });
});

async function checkScreen(page: Page): Promise<void> {
  const { unnamed, texts, scrollWidth, width } = await page.evaluate(() => {
    const nameOf = (node: Element): string => node.getAttribute('aria-label') ?? [...((node as HTMLInputElement).labels ?? [])].map((label) => label.textContent).join('') + node.textContent;
    const controls = [...document.querySelectorAll('button, input, a, audio, summary, [role=slider], [role=group], section')];
    const sighted = [...document.querySelectorAll('main *')].filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent?.trim() !== '') && node.checkVisibility() && node.tagName !== 'SCRIPT' && node.tagName !== 'text');
    const underOf = (node: Element | null): string => {
      for (let at = node; at !== null; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (!/, 0\)$|transparent/.test(backgroundColor)) return backgroundColor;
      }
      return 'rgb(255, 255, 255)';
    };
    return {
      unnamed: controls.filter((node) => nameOf(node).trim() === '' && !node.hasAttribute('aria-labelledby')).map((node) => node.outerHTML.slice(0, 100)),
      texts: sighted.map((node) => ({ what: (node.textContent ?? '').slice(0, 40), colour: getComputedStyle(node).color, under: underOf(node) })),
      scrollWidth: document.documentElement.scrollWidth,
      width: innerWidth,
    };
  });
  expect(unnamed).toEqual([]);
  expect(scrollWidth).toBeLessThanOrEqual(width);
  expect(texts.length).toBeGreaterThan(3);
  for (const { what, colour, under } of texts as Shown[]) expect(contrast(hex(colour), hex(under)), `${what}: ${colour} on ${under}`).toBeGreaterThanOrEqual(4.5);
  for (let tab = 0; tab < 4; tab += 1) {
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => {
      const focused = document.activeElement;
      return focused === null || focused === document.body || focused.tagName === 'AUDIO' ? null : getComputedStyle(focused).outlineStyle + getComputedStyle(focused).outlineWidth;
    });
    if (outline !== null) expect(outline).toBe('solid3px');
  }
}

function hex(colour: string): string {
  const parts = /^rgba?\((\d+), (\d+), (\d+)/.exec(colour)!.slice(1, 4);
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, '0')).join('')}`;
}
