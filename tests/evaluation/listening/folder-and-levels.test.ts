// From a folder to a test: layouts that are refused, levels, loops, anchors, and what is packed.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { silentReporter } from '../../../src/base/logger.js';
import { integratedLoudness } from '../../../src/dsp/integrated-loudness.js';
import { peakDb } from '../../../src/dsp/loudness.js';
import { matchLevels } from '../../../src/evaluation/listening/match-levels.js';
import { readTestFolder, requireFit } from '../../../src/evaluation/listening/read-folder.node.js';
import { layOut, unpackSound } from '../../../src/evaluation/listening/unpack-sound.js';
import { sine, writeSound } from '../../corpus/sounds.js';
import { createTestFolder, makeTest, RATE } from './listening-folder.js';

let root = '';
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('the layout of the folder', () => {
  it('is conditions with equal names, whatever the endings', () => {
    root = createTestFolder(['reference', 'b', 'a']);
    writeFileSync(join(root, 'a', 'notes.txt'), 'left alone');
    const folder = readTestFolder(root, 'name');
    expect(folder).toMatchObject({ conditions: ['a', 'b'], hasReference: true });
    expect(folder.items.map(({ name, files }) => [name, [...files.keys()]])).toEqual([['bell é', ['reference', 'a', 'b']], ['kick #1', ['reference', 'a', 'b']]]);
  });

  it('is refused with what is missing where', () => {
    root = createTestFolder(['a', 'b']);
    writeSound(root, 'b/extra.wav', sine(0.1));
    expect(() => readTestFolder(root, 'name')).toThrow(/a: got no sound named 'extra', which 'b' has, expected the same file names in every folder\. .*--pair-by order/);
    expect(() => readTestFolder(root, 'order')).toThrow(/b: got 3 sounds, expected 2, as 'a' has/);
    writeSound(root, 'a/extra.flac', sine(0.1));
    writeSound(root, 'a/extra.wav', sine(0.1));
    expect(() => readTestFolder(root, 'name')).toThrow(/'extra.flac' and 'extra.wav', expected one file of a name/);
  });

  it('is refused when it has no sub-folders, or one of a name that the test needs', () => {
    root = createTestFolder(['hidden reference']);
    expect(() => readTestFolder(root, 'name')).toThrow(/a name that is kept for what the test adds itself/);
    writeSound(root, 'loose.wav', sine(0.1));
    rmSync(join(root, 'hidden reference'), { recursive: true });
    expect(() => readTestFolder(root, 'name')).toThrow(/got 1 sounds and no sub-folder with others, expected sub-folders that hold the same file names/);
  });

  it('pairs generated clips by order', () => {
    root = createTestFolder(['a', 'b']);
    const { items } = readTestFolder(root, 'order');
    expect(items.map(({ name }) => name)).toEqual(['pair 1', 'pair 2']);
  });

  it('has what its kind of test needs', () => {
    root = createTestFolder(['a']);
    const folder = readTestFolder(root, 'name');
    expect(() => requireFit(root, 'mushra', folder)).toThrow(/no folder 'reference'.*--test preference/);
    expect(() => requireFit(root, 'preference', folder)).toThrow(/one condition \('a'\), expected two or more/);
    expect(() => requireFit(root, 'abx', folder)).toThrow(/expected a second one, or 'reference'/);
    const many = { ...folder, hasReference: true, conditions: Array.from({ length: 10 }, (_, index) => `c${index}`) };
    expect(() => requireFit(root, 'mushra', many)).toThrow(/at most 9/);
    expect(() => requireFit(root, 'abx', many)).not.toThrow();
  });
});

describe('levels', () => {
  it('come to −23 LUFS for all, or as much lower as the highest peak needs, and leave silence alone', () => {
    const loud = { sampleRateHz: RATE, channels: [sine(1, { gain: 0.9, sampleRateHz: RATE })] };
    const soft = { sampleRateHz: RATE, channels: [sine(1, { gain: 0.01, sampleRateHz: RATE })] };
    const spiky = { sampleRateHz: RATE, channels: [Float32Array.from({ length: RATE }, (_, index) => (index % 4000 === 0 ? 0.5 : 0))] };
    const after = (clips: readonly typeof loud[]): number[] => {
      const { gains } = matchLevels(clips);
      return clips.map(({ channels }, index) => integratedLoudness(channels.map((channel) => channel.map((value) => value * gains[index])), RATE));
    };
    for (const loudness of after([loud, soft])) expect(loudness).toBeCloseTo(-23, 3);
    const [a, b] = after([loud, spiky]);
    expect(a).toBeCloseTo(b, 3);
    expect(a).toBeLessThan(-23);
    expect(peakDb(spiky.channels[0]) + 20 * Math.log10(matchLevels([loud, spiky]).gains[1])).toBeCloseTo(-1, 6);
    expect(matchLevels([{ sampleRateHz: RATE, channels: [new Float32Array(RATE)] }]).gains).toEqual([1]);
  });

  it('stay as they are when asked to', async () => {
    root = createTestFolder(['reference', 'a']);
    expect((await makeTest(root, 'mushra', { isLevelMatched: false })).sounds.map(({ gain }) => gain)).toEqual([1, 1, 1, 1]);
  });
});

describe('the test', () => {
  it('holds each sound once, bit for bit, with hidden reference and anchors made from the reference', async () => {
    root = createTestFolder(['reference', 'a'], { seconds: 0.3 });
    const test = await makeTest(root, 'mushra', { isLevelMatched: false });
    expect(test.sounds).toHaveLength(4);
    expect(test.items[0]).toEqual({
      name: 'bell é', loopSamples: 0.5 * RATE, reference: { condition: 'reference', sound: 0 },
      stimuli: [{ condition: 'a', sound: 1 }, { condition: 'hidden reference', sound: 0 }, { condition: 'anchor 3.5 kHz', sound: 0, passHz: 3500 }, { condition: 'anchor 7 kHz', sound: 0, passHz: 7000 }],
    });
    const [unpacked] = await unpackSound(test.sounds[0]);
    expect([...unpacked]).toEqual([...sine(0.3, { hz: 300, gain: 0.2, sampleRateHz: RATE })].map((value) => Math.round(value * 32767) / 32768 + 0)); // -0 + 0 is 0
    expect((await makeTest(root, 'mushra', { isLevelMatched: false })).id).toBe(test.id);
    expect((await makeTest(root, 'mushra', { isLevelMatched: false, seed: 4 })).id).not.toBe(test.id);
    expect((await makeTest(root, 'mushra', { hasAnchors: false })).items[0].stimuli).toHaveLength(2);
    expect((await makeTest(root, 'abx')).items[0].stimuli).toHaveLength(1);
  });

  it('brings all to the highest rate, and its loop holds the longest sound and the gap', async () => {
    root = createTestFolder(['a', 'b'], { seconds: 0.6, items: ['x'] });
    writeSound(root, 'b/x.wav', sine(0.5, { sampleRateHz: RATE / 2 }), { sampleRateHz: RATE / 2 });
    const test = await makeTest(root, 'preference', { gapSeconds: 0.2 });
    expect(test).toMatchObject({ sampleRateHz: RATE, sounds: [{ sampleCount: 0.6 * RATE }, { sampleCount: 0.5 * RATE }] });
    expect(test.items[0].loopSamples).toBe(0.6 * RATE + 0.005 * RATE + 0.2 * RATE);
  });

  it('warns of anchors that are none, and of sounds too long to remember', async () => {
    root = createTestFolder(['reference', 'a'], { seconds: 12.5, items: ['long'] });
    const warnings: string[] = [];
    await makeTest(root, 'mushra', { reporter: { ...silentReporter, log: { info: () => undefined, warn: (text) => warnings.push(text) } } });
    expect(warnings.join('\n')).toMatch(/12\.5 s; BS\.1534 recommends at most 12/);
    expect(warnings.join('\n')).toMatch(/next to nothing above 3\.5 kHz/);
  });

  it('refuses excerpts of different lengths where there is a reference, and more than two channels', async () => {
    root = createTestFolder(['reference', 'a'], { items: ['x'] });
    writeSound(root, 'a/x.wav', sine(0.9, { sampleRateHz: RATE }), { sampleRateHz: RATE });
    await expect(makeTest(root, 'abx')).rejects.toThrow(/x\.wav: got 0\.30 s, where .* has 0\.90 s, expected lengths within 0\.25 s/);
    writeSound(root, 'a/x.wav', sine(0.3), { channels: 3 });
    await expect(makeTest(root, 'abx')).rejects.toThrow(/got 3 channels, expected 1 or 2/);
  });
});

describe('a round of the loop', () => {
  it('leaves the attack, fades the end, and is silent before and after', () => {
    const round = layOut(new Float32Array(1000).fill(1), { loopSamples: 2000, sampleRateHz: 10_000 });
    expect([...round.subarray(0, 50)]).toEqual(Array.from({ length: 50 }, () => 0));
    expect([...round.subarray(50, 1000)].every((value) => value === 1)).toBe(true);
    expect(round[1025]).toBeCloseTo((1 - Math.cos((Math.PI * 24) / 50)) / 2, 6);
    expect([...round.subarray(1049)].every((value) => value === 0)).toBe(true);
  });
});
