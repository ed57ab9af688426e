// What the switcher makes a real browser's audio engine put out, sample by sample: its own graph, rendered offline.
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkScript } from '../../../src/evaluation/listening/link-script.node.js';
import type { createSwitcher, Switcher } from '../../../src/evaluation/listening/switcher.js';
import { findChromium, NO_BROWSER, startBrowser } from '../../support/browser.js';

const hasBrowser = findChromium() !== null;
const entry = fileURLToPath(new URL('../../../dist/evaluation/listening/switcher.js', import.meta.url));

/** A key pressed at a block of 128 samples. */
interface Press {
  readonly block: number;
  readonly act: 'hear' | 'pause';
  readonly index: number;
}

describe.skipIf(!hasBrowser)(`the switcher${hasBrowser ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => browser?.close());

  it.each([22_050, 44_100, 48_000])('at %i Hz is exact to the sample: place, loop, fades, and never two sounds at once', async (rate) => {
    const loop = Math.round(0.0613 * rate);
    const presses: Press[] = [{ block: 2, act: 'hear', index: 0 }, { block: 30, act: 'hear', index: 1 }, { block: 31, act: 'hear', index: 2 }, { block: 60, act: 'pause', index: 0 }, { block: 90, act: 'hear', index: 2 }, { block: 110, act: 'hear', index: 0 }];
    const output = await render(browser, { rate, loop, presses, length: 128 * 150 });
    const expected = expectedOutput({ rate, loop, presses });
    const fade = Math.round(0.005 * rate);
    const frames = output.map((value, frame) => ({ value, ...expected.at(frame) }));
    const steady = frames.filter(({ isFading }) => !isFading);
    expect(steady).toHaveLength(output.length - expected.changes * fade);
    expect(steady.filter(({ value, sum }) => value !== sum)).toEqual([]); // bit for bit
    expect(Math.max(...frames.map(({ value, sum }) => Math.abs(value - sum)))).toBeLessThan(1e-6); // fades are products of floats
    expect(expected.changes).toBe(9); // five in, four out
  });

  it.each([22_050, 44_100, 48_000])('at %i Hz takes keys faster than fades, one after the other', async (rate) => {
    const loop = Math.round(0.0613 * rate);
    const presses: Press[] = Array.from({ length: 12 }, (_, index) => ({ block: 2 + index, act: 'hear', index: index % 3 }));
    const output = await render(browser, { rate, loop, presses, length: Math.ceil(0.3 * rate / 128) * 128 });
    const expected = expectedOutput({ rate, loop, presses });
    const frames = output.map((value, frame) => ({ value, ...expected.at(frame) }));
    expect(frames.filter(({ isFading, value, sum }) => !isFading && value !== sum)).toEqual([]);
    expect(Math.max(...frames.map(({ value, sum }) => Math.abs(value - sum)))).toBeLessThan(0.01); // a fall that follows a rise at once may be off by some frames of the 110 in it: seen 0.007 at 22.05 kHz, 1e-7 at the others
    expect(expected.changes).toBe(23); // twelve in, eleven out
  });
});

/** Sound k at place n of the loop: no two are alike, and each is a float without rounding. */
function sample(index: number, place: number): number {
  return ((index + 1) * 8192 + place) / 65536;
}

/** The same by the definition: one sound after the other, each between a rise and a fall of 5 ms, at the place that the clock gives. */
function expectedOutput({ rate, loop, presses }: { rate: number; loop: number; presses: readonly Press[] }): { changes: number; at: (frame: number) => { sum: number; isFading: boolean } } {
  const fade = Math.round(0.005 * rate);
  const lead = 0.02;
  const voices: { index: number; from: number; to: number; origin: number }[] = [];
  let free = 0;
  let held = 0;
  for (const { block, act, index } of presses) {
    const open = voices.find(({ to }) => to === Infinity);
    let frame = Math.max(free, Math.ceil(((block * 128) / rate + lead) * rate));
    if (open !== undefined) {
      frame += fade;
      open.to = frame;
      held = (frame - open.origin) % loop;
    }
    if (act === 'hear') voices.push({ index, from: frame, to: Infinity, origin: open === undefined ? frame - held : open.origin });
    free = act === 'hear' ? frame + fade : frame;
  }
  const changes = voices.length + voices.filter(({ to }) => to < Infinity).length;
  return {
    changes,
    at(frame) {
      const voice = voices.find(({ from, to }) => frame >= from && frame < to);
      if (voice === undefined) return { sum: 0, isFading: false };
      const value = sample(voice.index, (frame - voice.origin) % loop);
      const [since, left] = [frame - voice.from, voice.to - frame];
      const share = since < fade ? since / fade : left <= fade ? left / fade : 1;
      return { sum: value * ((1 - Math.cos(Math.PI * share)) / 2), isFading: since < fade || left <= fade };
    },
  };
}

async function render(browser: Browser, options: { rate: number; loop: number; presses: Press[]; length: number }): Promise<number[]> {
  const page = await browser.newPage();
  await page.addScriptTag({ content: `globalThis.createSwitcher = (() => {\n${linkScript(entry, (module) => `return ${module}.createSwitcher;`)}\n})();` });
  const rendering = await page.evaluate(async ({ rate, loop, presses, length }) => {
    const create = (globalThis as unknown as { createSwitcher: typeof createSwitcher }).createSwitcher;
    const context = new OfflineAudioContext(1, length, rate);
    const buffers = [0, 1, 2].map((index) => {
      const buffer = new AudioBuffer({ numberOfChannels: 1, length: loop, sampleRate: rate });
      buffer.copyToChannel(Float32Array.from({ length: loop }, (_, place) => ((index + 1) * 8192 + place) / 65536), 0);
      return buffer;
    });
    const switcher: Switcher = create(context, buffers);
    for (const { block, act, index } of presses) {
      void context.suspend((block * 128) / rate).then(() => {
        if (act === 'hear') switcher.hear(index);
        else switcher.pause();
        return context.resume();
      });
    }
    const rendered = await context.startRendering();
    return [...rendered.getChannelData(0)];
  }, options);
  await page.close();
  return rendering;
}
