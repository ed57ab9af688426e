// What the live check calls an error, without Python.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { parsePins, referencePython, scratchFolder } from '../../src/engine/setup/python-environment.node.js';
import { drawConfigurations } from './configurations.js';
import { gradientError, isWithin, outputError, parityTable, type ParityRow } from './errors.js';
import { createLiveNetwork, type Tensors } from './networks.js';
import { useEngine } from '../support/engine.js';

useEngine();
const tensors = (values: Readonly<Record<string, readonly number[]>>): Tensors => new Map(Object.entries(values).map(([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }]));
const row: ParityRow = { kind: 'UNet2DModel', name: 'small', parameterCount: 12, theirsOutput: 1e-6, theirsGradient: 1e-5, oursOutput: 2e-6, problems: [] };

describe('errors of parity', () => {
  it('are relative to the largest value, of the worst output', () => {
    expect(outputError(tensors({ a: [0, 8], b: [1, 1] }), tensors({ a: [0.5, 10], b: [1, 1] }))).toBeCloseTo(0.2);
    expect(outputError(tensors({ a: [0, 0] }), tensors({ a: [0, 0] }))).toBe(0);
    expect(outputError(tensors({ a: [1, 0] }), tensors({ a: [0, 0] }))).toBe(Infinity);
  });

  it('are relative to the norm of a gradient, or to rounding of the largest', () => {
    expect(gradientError(tensors({ a: [3, 4], b: [1] }), tensors({ a: [3, 4], b: [1.1] }))).toBeCloseTo(0.1 / 1.105, 4);
    expect(gradientError(tensors({ a: [1000], b: [1e-4] }), tensors({ a: [1000], b: [0] }))).toBeCloseTo(1e-4);
  });

  it('are infinite where something is missing, misshapen or no number', () => {
    for (const measure of [outputError, gradientError]) {
      expect(measure(tensors({}), tensors({ a: [1] }))).toBe(Infinity);
      expect(measure(tensors({ a: [1], b: [1] }), tensors({ a: [1] }))).toBe(Infinity);
      expect(measure(tensors({ a: [1, 1] }), tensors({ a: [1] }))).toBe(Infinity);
      expect(measure(tensors({ a: [Number.NaN] }), tensors({ a: [1] }))).toBe(Infinity);
      expect(measure(tensors({ a: [1] }), tensors({ a: [Number.NaN] }))).toBe(Infinity);
    }
  });

  it('decide the verdict, each alone', () => {
    expect(isWithin(row)).toBe(true);
    for (const change of [{ theirsOutput: 2e-4 }, { theirsGradient: 2e-3 }, { oursOutput: Infinity }, { problems: ['x'] }]) expect(isWithin({ ...row, ...change })).toBe(false);
    const table = parityTable([row, { ...row, name: 'bad', problems: ['weights changed'] }]);
    expect(table).toMatch(/ok {4}UNet2DModel {2}small .*1\.0e-6/);
    expect(table).toMatch(/FAIL {2}UNet2DModel {2}bad .*\n {6}weights changed/);
  });
});

describe('drawConfigurations', () => {
  it('gives at least twelve that the networks here accept, whatever the seed, and the same for the same seed', () => {
    for (const seed of [0, 1, 2 ** 31 - 1]) {
      const drawn = drawConfigurations(createRandom(seed, 'configurations'));
      expect(drawn.length).toBeGreaterThanOrEqual(12);
      expect(drawConfigurations(createRandom(seed, 'configurations'))).toEqual(drawn);
      expect(new Set(drawn.map(({ kind }) => kind)).size).toBe(4);
      for (const { kind, config } of drawn) createLiveNetwork(kind, kind === 'CLIPTextModel' ? config : { _class_name: kind, ...config }, null).dispose();
    }
    expect(drawConfigurations(createRandom(1, 'configurations'))).not.toEqual(drawConfigurations(createRandom(2, 'configurations')));
  });
});

describe('referencePython', () => {
  const root = mkdtempSync(join(tmpdir(), 'melstrom-python-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  afterEach(() => vi.unstubAllEnvs());

  it('names a Python of the user that can not be used, and what to do', async () => {
    vi.stubEnv('MELSTROM_PYTHON', join(root, 'no-python'));
    await expect(referencePython({ say: () => undefined, pins: fileURLToPath(new URL('requirements.txt', import.meta.url)) })).rejects.toThrow(/MELSTROM_PYTHON=.*no-python: got a Python that can't be used .*expected one with diffusers, .*pip install -r .*requirements\.txt/);
  });

  it('makes none where that was not asked for', async () => {
    vi.stubEnv('MELSTROM_PYTHON', '');
    vi.stubEnv('MELSTROM_CACHE', join(root, 'empty'));
    await expect(referencePython({ say: () => undefined, pins: fileURLToPath(new URL('requirements.txt', import.meta.url)), mayMake: false })).rejects.toThrow(/no Python environment|Python 3 was not found/);
    expect(existsSync(join(root, 'empty'))).toBe(false);
  });

  it('tells versions that are not the pinned ones', async () => {
    const script = join(root, 'python');
    writeFileSync(script, '#!/bin/sh\necho "3.11.7, numpy 2.4.6, torch 2.15.0+cpu, diffusers 0.42.10"\n', { mode: 0o755 });
    const pins = join(root, 'pins.txt');
    writeFileSync(pins, 'numpy==2.4.6\ntorch==2.15.0\ndiffusers==0.42.1\n');
    vi.stubEnv('MELSTROM_PYTHON', script);
    expect(await referencePython({ say: () => undefined, pins })).toEqual({ command: script, versions: '3.11.7, numpy 2.4.6, torch 2.15.0+cpu, diffusers 0.42.10', unpinned: ['diffusers'] });
  });

  it('keeps scratch environments apart by pins and Python', () => {
    vi.stubEnv('MELSTROM_CACHE', root);
    expect(new Set([scratchFolder('a==1', 'Python 3.11'), scratchFolder('a==2', 'Python 3.11'), scratchFolder('a==1', 'Python 3.12')]).size).toBe(3);
    expect(scratchFolder('a==1', 'Python 3.11').startsWith(root)).toBe(true);
    expect([...parsePins('# comment\na==1\r\nb-c==2.0\n')]).toEqual([['a', '1'], ['b-c', '2.0']]);
  });
});
