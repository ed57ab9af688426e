// The precision that clips are drawn in: chosen by the run and by a flag, said in each record, and taken up again by `regenerate`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { stringifyRunConfig } from '../../src/config/run-config.js';
import { convPrecision, setConvPrecision, supportsBfloat16 } from '../../src/engine/ops/index.js';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { decodeMelPng } from '../../src/spectrogram/png.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { tinyConfig } from '../training/_tiny-run.js';
import { refusal, runCommand, runJson } from './run-command.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom précision '));
const inRoot = (...parts: string[]): string => join(root, ...parts);

useEngine();
beforeAll(async () => {
  const pipeline = smallPipeline({ unetNetwork: { block_out_channels: [16, 32], norm_num_groups: 4, attention_head_dim: 8 } }); // wide enough for bfloat16
  for (const precision of ['auto', 'float32']) {
    mkdirSync(inRoot(`run-${precision}`));
    await savePipeline(inRoot(`run-${precision}`, 'pipeline'), pipeline);
    writeFileSync(inRoot(`run-${precision}`, 'config.yaml'), stringifyRunConfig(tinyConfig({ precision })));
  }
  pipeline.dispose();
  writeSound(root, 'eins.wav', sine(0.11, { hz: 440 }));
  writeSound(root, 'lang.wav', sine(0.5, { hz: 440 }));
});
afterEach(() => {
  const left = convPrecision();
  setConvPrecision('float32');
  expect(left).toBe('float32'); // no command leaves the process in another
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Drawn {
  readonly wav: string;
  readonly json: string;
  readonly record: Readonly<Record<string, unknown>>;
}

let count = 0;

/** Draws into a folder of its own. */
async function draw(words: readonly string[], ...flags: string[]): Promise<Drawn[]> {
  const { value } = await runJson<{ files: { wav: string; json: string }[] }>(...words, '--out', inRoot(`out-${(count += 1)}`), '--quiet', ...flags);
  return value.files.map(({ wav, json }) => ({ wav, json, record: JSON.parse(readFileSync(json, 'utf8')) as Drawn['record'] }));
}

const generate = (run: string, ...flags: string[]): Promise<Drawn[]> => draw(['generate', inRoot(...run.split('/'))], '--count', '2', '--steps', '3', ...flags);
const best = (): string => (supportsBfloat16() ? 'bfloat16' : 'float32');

describe('generate', () => {
  it.for([
    ['run-auto', [], 'best'],
    ['run-float32', [], 'float32'],
    ['run-auto/pipeline', [], 'float32'], // as the reference draws
    ['run-auto', ['--precision', 'float32'], 'float32'],
    ['run-auto/pipeline', ['--precision', 'auto'], 'best'],
    ['run-auto', ['--engine', 'cpu'], 'float32'],
  ] as const)('from %s with %j draws in %s', async ([run, flags, expected]) => {
    for (const { record } of await generate(run, ...flags)) expect(record.precision).toBe(expected === 'best' ? best() : expected);
  });

  it('refuses bfloat16 where there is none', async () => {
    const { status, stderr } = await refusal('generate', inRoot('run-auto'), '--out', inRoot('none'), '--precision', 'bfloat16', '--engine', 'cpu');
    expect([status, stderr]).toEqual([EXIT_STATUS.engine, expect.stringMatching(/convPrecision: got bfloat16, expected float32 on this engine.*'auto'/)]);
    expect((await refusal('generate', inRoot('run-auto'), '--out', inRoot('none'), '--precision', 'half')).stderr).toContain('auto, float32, bfloat16');
  });
});

describe('a record without precision', () => {
  it('is of float32, whatever the run is now drawn in', async () => {
    const [{ json, wav, record }] = await generate('run-auto', '--precision', 'float32');
    const { precision: _, ...old } = record;
    writeFileSync(json, JSON.stringify(old));
    rmSync(wav);
    expect((await runJson('regenerate', json)).value).toEqual({ file: wav, isIdentical: true });
  });
});

describe('in bfloat16', () => {
  const BFLOAT16 = ['--precision', 'bfloat16'] as const;
  const operations: readonly (readonly [string, () => Promise<Drawn[]>])[] = [
    ['generate', () => generate('run-auto', ...BFLOAT16, '--guidance', '2')],
    ['extend', () => draw(['extend', inRoot('run-auto'), inRoot('lang.wav')], '--seconds', '0.1', '--steps', '2', ...BFLOAT16)],
    ['vary', () => draw(['vary', inRoot('run-auto'), inRoot('eins.wav')], '--strength', '0.5', '--steps', '4', ...BFLOAT16)],
    ['fill', () => draw(['fill', inRoot('run-auto'), inRoot('eins.wav')], '--from', '0.02', '--to', '0.06', '--steps', '3', ...BFLOAT16)],
    ['combine', () => draw(['combine', inRoot('run-auto')], '--label', 'kick:2', '--label', 'Snäre / drum:1', '--count', '2', '--steps', '3', ...BFLOAT16)],
    ['morph', () => draw(['morph', inRoot('run-auto'), 'seed:1', 'seed:2'], '--steps', '3', '--rounds', '1', '--sampler-steps', '3', ...BFLOAT16)],
  ];

  const skipWithout = (context: TestContext): void => {
    if (!supportsBfloat16()) context.skip('needs the native kernels and a processor with AVX512_BF16 or AMX');
  };

  it.for(operations)('%s is said in the record, and made again byte for byte', async ([, operate], context) => {
    skipWithout(context);
    for (const { json, wav, record } of await operate()) {
      expect(record.precision).toBe('bfloat16');
      const original = readFileSync(wav);
      rmSync(wav);
      expect((await runJson('regenerate', json, '--run', inRoot('run-auto'))).value).toEqual({ file: wav, isIdentical: true });
      expect(readFileSync(wav).equals(original)).toBe(true);
    }
  });

  it('clips are near those of float32, and not the same', async (context) => {
    skipWithout(context);
    const images = [];
    for (const run of ['run-float32', 'run-auto']) images.push(decodeMelPng(readFileSync((await generate(run, '--png'))[0].wav.replace(/wav$/, 'png')), 'png').data);
    const [exact, rounded] = images;
    expect(rounded).not.toEqual(exact);
    expectClose(rounded, exact, { absolute: 0.1, reason: 'bfloat16 keeps 8 bits, and guidance enlarges what they lose' });
  });

  it('a clip is made again in float32 when that is asked for, and is said not to be the same', async (context) => {
    skipWithout(context);
    const [{ json }] = await generate('run-auto');
    const { status, stderr, stdout } = await runCommand('regenerate', json, '--out', inRoot('exact.wav'), '--precision', 'float32', '--json');
    expect([status, stderr]).toEqual([0, expect.stringMatching(/not the recorded clip to the last bit: made with .* in bfloat16, now .* in float32/)]);
    expect(stdout).toContain('"isIdentical": false');
  });

  it('a folder of float32 is not gone on with', async (context) => {
    skipWithout(context);
    const flags = ['--count', '2', '--steps', '3', '--out', inRoot('half')] as const;
    await runJson('generate', inRoot('run-auto'), ...flags, '--precision', 'float32');
    expect((await refusal('generate', inRoot('run-auto'), ...flags, '--resume', '--quiet')).stderr).toMatch(/precision: got "float32", expected "bfloat16", as in this request/);
    expect((await runJson<{ skippedCount: number }>('generate', inRoot('run-auto'), ...flags, '--resume', '--precision', 'float32')).value.skippedCount).toBe(2);
  });
});
