// Whole sittings in a real browser, by keyboard alone: what is heard when, what is saved, and that nothing leaves the machine.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servePage } from '../../../src/cli/serve-page.js';
import { renderListeningPage } from '../../../src/evaluation/listening/listening-page.node.js';
import type { AbxTrial, ListeningResults, ListeningTest, MushraTrial, PreferenceTrial } from '../../../src/evaluation/listening/listening-test.js';
import { planTrials } from '../../../src/evaluation/listening/plan-trials.js';
import { parseResults } from '../../../src/evaluation/listening/parse-results.js';
import { findChromium, NO_BROWSER, startBrowser } from '../../support/browser.js';
import { createTestFolder, makeTest, RATE } from './listening-folder.js';

const hasBrowser = findChromium() !== null;

/** A start or a stop that the page set on the audio clock. Unit: seconds. */
interface Scheduled {
  readonly what: 'start' | 'stop';
  readonly at: number;
  readonly offset: number;
  /** The clock when it was set. */
  readonly now: number;
  readonly rate: number;
}

describe.skipIf(!hasBrowser)(`the listening page${hasBrowser ? '' : ` (${NO_BROWSER})`}`, () => {
  const folders: string[] = [];
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it('runs an ABX test from disk, goes on after the tab was closed, and saves what was answered', async () => {
    const { test, url } = await pageOf(['reference', 'codec'], 'abx');
    const { context, requests } = await openContext(browser);
    const trials = planTrials(test, 'Ann') as AbxTrial[];
    const answers = trials.map(({ x }, index) => (index === 1 ? ({ a: '2', b: '1' } as const)[x] : ({ a: '1', b: '2' } as const)[x])); // one wrong, on purpose
    let page = await begin(context, url);
    for (const key of answers.slice(0, 2)) await answerChoice(page, { sounds: ['a', 'b', 'x', 'a'], key });
    await closeTab(page);

    page = await context.newPage();
    await page.goto(url);
    await page.getByText('Ann has answered 2 of 4 trials').waitFor();
    await page.keyboard.press('Enter'); // the focus is on Go on
    for (const key of answers.slice(2)) await answerChoice(page, { sounds: ['a', 'b', 'x'], key });
    const { results, csv } = await save(page);

    expect(results.trials.map(({ isCorrect }) => isCorrect)).toEqual([true, false, true, true]);
    expect(results.trials.map(({ a, b, x, item }) => ({ a, b, x, item }))).toEqual(trials.map(({ a, b, x, item }) => ({ a, b, x, item: test.items[item].name })));
    expect(results.trials.map(({ heard }) => heard)).toEqual([[2, 1, 1], [2, 1, 1], [1, 1, 1], [1, 1, 1]]);
    expect(results).toMatchObject({ listener: 'Ann', equipment: 'ears', test: { id: test.id, kind: 'abx' }, finished: expect.any(String) as string });
    expect(csv.split('\r\n')).toHaveLength(6);
    expect(csv).toContain('"A <test> & ""more"""');
    await page.getByText('Show what you answered').click();
    expect(await page.locator('tbody').textContent()).toContain('3 of 40.31'); // 5 of 16 ways
    expect(requests.filter((address) => !address.startsWith('file:') && !address.startsWith('data:') && !address.startsWith('blob:'))).toEqual([]);
    await context.close();
  });

  it('runs a MUSHRA test from loopback, keeps half a trial, and sets every change on a sample of the audio clock', async () => {
    const { test, html } = await pageOf(['reference', 'codec', 'other'], 'mushra', { practice: 1 });
    const server = await servePage(html, 0);
    const { context, requests } = await openContext(browser);
    await context.addInitScript(recordSchedule);
    let page = await begin(context, server.url);
    await page.getByText('Practice 1 of 1').waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Listen to Reference, Sound 1, Sound 2, Sound 3, Sound 4, Sound 5 first.').waitFor();
    await rate(page, [1, 2, 3, 4, 100]);
    await next(page);

    await rate(page, [60, 61, 72]);
    await page.keyboard.press('Enter');
    await page.getByText('Listen to Sound 4, Sound 5 first.').waitFor();
    expect(await page.locator('input[type=range]:enabled').count()).toBe(1); // only that of the sound being heard
    checkSchedule(await page.evaluate(() => (globalThis as unknown as { scheduled: Scheduled[] }).scheduled), test.items[0].loopSamples);
    await closeTab(page);
    page = await context.newPage();
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.ratings').waitFor();
    expect(await page.locator('.score').allTextContents()).toEqual(['60', '61', '72', '–', '–']);
    await page.keyboard.press('r');
    for (let sound = 0; sound < 3; sound += 1) await page.keyboard.press('ArrowDown');
    await rate(page, [null, null, null, 5, 100]);
    await next(page);
    await rate(page, [10, 20, 30, 40, 99]);
    await next(page);

    const { results, csv } = await save(page);
    const trials = (planTrials(test, 'Ann') as MushraTrial[]).slice(1);
    const conditions = ['anchor 3.5 kHz', 'anchor 7 kHz', 'codec', 'hidden reference', 'other'];
    for (const trial of trials) expect([...trial.order].sort()).toEqual(conditions);
    expect(results.trials.map(({ ratings }) => ratings)).toEqual([[60, 61, 72, 5, 100], [10, 20, 30, 40, 99]].map((scores, index) => scores.map((score, place) => ({ condition: trials[index].order[place], score }))));
    expect(results.trials.map(({ item }) => item)).toEqual(trials.map(({ item }) => test.items[item].name));
    expect(csv.split('\r\n')).toHaveLength(12);
    expect(requests.filter((address) => !address.startsWith(server.url) && !address.startsWith('data:') && !address.startsWith('blob:'))).toEqual([]);
    await context.close();
    await server.until(AbortSignal.abort());
  });

  it('asks for preferences without a reference', async () => {
    const { test, url } = await pageOf(['one', 'two'], 'preference', { trials: 1 });
    const { context } = await openContext(browser);
    const page = await begin(context, url);
    await answerChoice(page, { sounds: ['a', 'b'], key: '3' });
    await answerChoice(page, { sounds: ['a', 'b'], key: '1' });
    const { results } = await save(page);
    const trials = planTrials(test, 'Ann') as PreferenceTrial[];
    expect(results.trials.map(({ choice, a }) => ({ choice, a }))).toEqual([{ choice: 'none', a: trials[0].a }, { choice: 'a', a: trials[1].a }]);
    await context.close();
  });

  it('lets a listener end early, and says so in the results', async () => {
    const { url } = await pageOf(['one', 'two'], 'preference', { trials: 2 });
    const { context } = await openContext(browser);
    const page = await begin(context, url);
    await answerChoice(page, { sounds: ['a', 'b'], key: '2' });
    await page.reload();
    await page.getByRole('button', { name: 'End here and save' }).press('Enter');
    const { results } = await save(page);
    expect(results).toMatchObject({ finished: null, trials: [{ choice: 'b' }] });
    await context.close();
  });

  async function pageOf(conditions: readonly string[], kind: ListeningTest['kind'], over: Parameters<typeof makeTest>[2] = {}): Promise<{ test: ListeningTest; html: string; url: string }> {
    const root = createTestFolder(conditions);
    folders.push(root);
    const test = await makeTest(root, kind, over);
    const html = renderListeningPage(test);
    const path = join(root, 'a page #1.html');
    writeFileSync(path, html);
    return { test, html, url: pathToFileURL(path).href };
  }
});

async function openContext(browser: Browser): Promise<{ context: BrowserContext; requests: string[] }> {
  const context = await browser.newContext({ acceptDownloads: true });
  const requests: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  context.on('weberror', (error) => {
    throw error.error();
  });
  return { context, requests };
}

async function begin(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('#listener').waitFor();
  await page.keyboard.type('Ann'); // the focus is there
  await page.keyboard.press('Tab');
  await page.keyboard.type('ears');
  await page.keyboard.press('Enter');
  return page;
}

/** Hears sounds, chooses, goes on, and waits for what comes next. */
async function answerChoice(page: Page, { sounds, key }: { readonly sounds: readonly string[]; readonly key: string }): Promise<void> {
  await page.locator('.choices').waitFor();
  for (const sound of sounds) await page.keyboard.press(sound);
  await page.keyboard.press(key);
  await next(page);
}

/** Hears each sound and sets its slider, by keys alone; null leaves a slider as it is. */
async function rate(page: Page, scores: readonly (number | null)[]): Promise<void> {
  await page.locator('.ratings').waitFor();
  await page.keyboard.press('r');
  for (const [index, score] of scores.entries()) {
    if (score === null) continue;
    await page.keyboard.press(String(index + 1));
    await page.keyboard.press(score > 50 ? 'End' : 'Home');
    const away = score > 50 ? 100 - score : score;
    for (let tens = 0; tens < Math.floor(away / 10); tens += 1) await page.keyboard.press(score > 50 ? 'PageDown' : 'PageUp');
    for (let ones = 0; ones < away % 10; ones += 1) await page.keyboard.press(score > 50 ? 'ArrowLeft' : 'ArrowRight');
  }
}

async function next(page: Page): Promise<void> {
  const heading = await page.locator('h2').textContent();
  await page.keyboard.press('Enter');
  await page.waitForFunction((before) => document.querySelector('h2') !== null && document.querySelector('h2')!.textContent !== before, heading);
}

/** As a listener closes a tab: what the page has kept reaches the disk. */
async function closeTab(page: Page): Promise<void> {
  await Promise.all([page.waitForEvent('close'), page.close({ runBeforeUnload: true })]);
}

/** Runs in the page before anything else: notes what is set on the audio clock, and when. */
function recordSchedule(): void {
  const scheduled: Scheduled[] = [];
  Object.assign(globalThis, { scheduled });
  const { start } = AudioBufferSourceNode.prototype;
  const { stop } = AudioScheduledSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (at = 0, offset = 0) {
    scheduled.push({ what: 'start', at, offset, now: this.context.currentTime, rate: this.context.sampleRate });
    start.call(this, at, offset);
  };
  AudioBufferSourceNode.prototype.stop = function (at = 0) {
    scheduled.push({ what: 'stop', at, offset: 0, now: this.context.currentTime, rate: this.context.sampleRate });
    stop.call(this, at);
  };
}

/** Every change falls on a sample and lies ahead; one sound starts at the very sample where the other stops, at the place the loop has reached. */
function checkSchedule(scheduled: readonly Scheduled[], loopSamples: number): void {
  const frames = scheduled.map(({ what, at, offset, now, rate }) => ({ what, frame: at * rate, offset: offset * rate, now: now * rate, rate }));
  expect(frames.length).toBeGreaterThan(10);
  for (const { frame, offset, now, rate } of frames) {
    expect(rate).toBe(RATE);
    expect(Math.abs(frame - Math.round(frame))).toBeLessThan(1e-6);
    expect(Math.abs(offset - Math.round(offset))).toBeLessThan(1e-6);
    expect(frame).toBeGreaterThan(now);
  }
  const switches = frames.flatMap((one, index) => (one.what === 'stop' && frames[index + 1]?.what === 'start' && frames[index + 1].now === one.now ? [index] : [])); // else a pause
  expect(switches.length).toBeGreaterThan(4);
  for (const index of switches) {
    const [{ frame }, started] = [frames[index], frames[index + 1]];
    expect(Math.round(started.frame)).toBe(Math.round(frame));
    const before = frames.slice(0, index).filter((one) => one.what === 'start').at(-1)!;
    expect(Math.round(started.offset)).toBe(Math.round(before.offset + started.frame - before.frame) % loopSamples);
  }
}

async function save(page: Page): Promise<{ results: ListeningResults; csv: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'melstrom-downloads-'));
  const texts: string[] = [];
  for (const format of ['JSON', 'CSV']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Save as ${format}` }).press('Enter')]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    expect(path.endsWith(`a-test-more-ann.${format.toLowerCase()}`)).toBe(true);
    texts.push(readFileSync(path, 'utf8'));
  }
  rmSync(folder, { recursive: true });
  return { results: parseResults(texts[0], 'download'), csv: texts[1] };
}
