// The cache of what the text encoder makes of captions.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { encodePrompts, type TextConditioner } from '../../src/pipeline/index.js';
import { openCaptionCache, type CaptionCacheOptions } from '../../src/training/caption-cache.node.js';
import { smallText } from '../pipeline/small-text.js';
import { useEngine } from '../support/engine.js';

useEngine();

const CAPTIONS = ['kick', 'a bright bell', 'kick'];
let folder: string;
let text: TextConditioner;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom captions é-'));
  text = smallText();
});
afterEach(() => {
  text.encoder.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const optionsOf = (over: Partial<CaptionCacheOptions> = {}): CaptionCacheOptions => ({ path: join(folder, 'state', 'captions.f32'), text, captions: CAPTIONS, reporter: silentReporter, ...over });
const open = async (over: Partial<CaptionCacheOptions> = {}) => (await openCaptionCache(optionsOf(over)))!;

describe('caption cache', () => {
  it('gives what the encoder gives, the empty caption too, each distinct caption kept once', async () => {
    const cache = await open();
    tf.tidy(() => {
      const wanted = ['a bright bell', '', 'kick', 'kick'];
      const states = cache.states(wanted);
      expect(states.shape).toEqual([4, 77, 8]);
      expect(states.dataSync()).toEqual(encodePrompts(text, wanted).dataSync());
    });
    expect(statSync(optionsOf().path).size).toBe(3 * 77 * 8 * 4);
    expect(() => cache.states(['snare'])).toThrow('"snare"');
    cache.close();
  });

  it('is read again for the same captions in any order, and made anew for others or another encoder', async () => {
    const bytes = (): Buffer => readFileSync(optionsOf().path);
    const first = await open();
    first.close();
    const before = bytes();
    const stamp = statSync(optionsOf().path).mtimeMs;
    const again = await open({ captions: ['a bright bell', 'kick'] });
    expect(again.key).toBe(first.key);
    expect(statSync(optionsOf().path).mtimeMs).toBe(stamp);
    again.close();
    const more = await open({ captions: [...CAPTIONS, 'snare'] });
    expect(more.key).not.toBe(first.key);
    more.states(['snare']).dispose();
    more.close();
    const { variable } = text.encoder.parameters.get('text_model.final_layer_norm.bias');
    variable.assign(tf.tidy(() => tf.add(variable, 0.5)));
    const other = await open();
    expect(other.key).not.toBe(first.key);
    expect(bytes()).not.toEqual(before);
    other.close();
  });

  it.each([
    ['cut off', (path: string) => truncateSync(path, 100)],
    ['without its description', (path: string) => rmSync(`${path}.json`)],
    ['with a damaged description', (path: string) => writeFileSync(`${path}.json`, '{"key":')],
  ])('is made anew when it is %s', async (_, damage) => {
    const { path } = optionsOf();
    (await open()).close();
    const whole = readFileSync(path);
    damage(path);
    const cache = await open();
    expect(readFileSync(path)).toEqual(whole);
    cache.close();
  });

  it('leaves nothing when it is stopped, and no tensor ever', async () => {
    const before = tf.memory().numTensors;
    expect(await openCaptionCache(optionsOf({ signal: AbortSignal.abort() }))).toBeNull();
    expect(readdirSync(join(folder, 'state'))).toEqual([]);
    (await open()).close();
    expect(existsSync(optionsOf().path)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });
});
