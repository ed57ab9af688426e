// The parts of `bench` that need no Python: pairs, ratios, the table, the choice of rows, processes that answer and processes that fail.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { growthLines, growthPlans, growthPlot } from '../../src/cli/bench/growth.js';
import { requireDisk, writeLargeCorpus } from '../../src/cli/bench/jobs/large-corpus.js';
import type { Job, JobFacts } from '../../src/cli/bench/job.js';
import { benchMarkdown } from '../../src/cli/bench/markdown.js';
import { measurePairs, median, ratioOf } from '../../src/cli/bench/pairs.js';
import { parsePeak } from '../../src/cli/bench/peak-memory.js';
import { compareLosses, type FinalLoss } from '../../src/cli/bench/precision-losses.js';
import { createRows, DRUMS, parseRowGroups, ROW_GROUPS } from '../../src/cli/bench/rows.js';
import { requireSameWork } from '../../src/cli/bench/run-row.js';
import { benchTable, verdictOf, type Measured } from '../../src/cli/bench/table.js';
import { startWholeProgram } from '../../src/cli/bench/whole-program.js';
import { startWorker } from '../../src/cli/bench/worker-process.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { resolveOverrides } from '../../src/config/run-config.js';
import type { ConvPrecision } from '../../src/engine/ops/index.js';
import { refusal, runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'melstrom-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('pairs', () => {
  it('are taken in turn, each side first every other time', async () => {
    const order: string[] = [];
    const side = (name: string) => async (): Promise<number> => order.push(name);
    expect(await measurePairs({ ours: side('ours'), theirs: side('theirs') }, 3)).toEqual({ ours: [1, 4, 5], theirs: [2, 3, 6] });
    expect(order).toEqual(['ours', 'theirs', 'theirs', 'ours', 'ours', 'theirs']);
  });

  it('give the median of their ratios, which a pause of the machine does not move', () => {
    expect(ratioOf({ ours: [10, 100, 10], theirs: [20, 200, 30] })).toEqual({ median: 2, lowest: 2, highest: 3 });
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow('no values');
  });
});

const row: Measured = { name: 'a step', unit: 'ms', ours: 50, theirs: 60, peer: 'a peer', ratio: { median: 1.2, lowest: 1.1, highest: 1.25 }, reach: 1, aim: 1.15, notes: ['two parameters'] };

describe('table', () => {
  it.each([
    [{}, 'aim'], [{ aim: 1.5 }, 'reach'], [{ reach: 1.3, aim: 1.5 }, 'missed'], [{ ratio: null }, ''], [{ reach: null }, ''],
    [{ unit: 'MB', reach: 1, aim: 0.7 }, 'missed'], [{ unit: 'MB', reach: 1.3, aim: 0.7 }, 'reach'], [{ unit: 'MB', reach: 1.3, aim: 1.2 }, 'aim'],
  ] as const)('with %j says %s', (over, verdict) => {
    expect(verdictOf({ ...row, ...over } as Measured)).toBe(verdict);
  });

  it('has a line per row with its notes, and a dash where there is no peer', () => {
    expect(benchTable([row, { ...row, name: 'alone', ours: 5.555, theirs: null, ratio: null, notes: [] }])).toEqual([
      'row        ours     peer          ratio        spread  reach   aim',
      'a step  50.0 ms  60.0 ms  a peer   1.20  1.10 to 1.25   1.00  1.15  aim',
      '    two parameters',
      'alone   5.55 ms        -  a peer      -                 1.00  1.15',
    ]);
  });

  it('says below a row how much of our time went into products', () => {
    expect(benchTable([{ ...row, share: 0.875 }]).slice(2)).toEqual(['    two parameters', '    87.5 % of our time in convolutions and matrix products']);
  });

  it('is Markdown with date and machine for a README', () => {
    const alone: Measured = { ...row, name: 'alone', unit: 'MB', ours: 512.4, theirs: null, ratio: null, reach: null, aim: null };
    const setting = { date: new Date('2026-03-04T05:06:07Z'), processor: 'a processor', memoryBytes: 16e9, versions: ['an engine', 'no peers'] };
    expect(benchMarkdown([{ ...row, share: 0.9 }, { ...row, ratio: { median: 1.3, lowest: 1.3, highest: 1.3 } }, alone], setting)).toEqual([
      'Measured on 2026-03-04, a processor, 16 GB; an engine; no peers. Ratio: how many times as fast as the peer, or how much of its memory; median and spread of the pairs.',
      '',
      '| row | ours | peer | ratio | reach, aim | products |',
      '| --- | --- | --- | --- | --- | --- |',
      '| a step | 50.0 ms | 60.0 ms (a peer) | 1.20 (1.10 to 1.25) | 1.00, 1.15: aim | 90 % |',
      '| a step | 50.0 ms | 60.0 ms (a peer) | 1.30 | 1.00, 1.15: aim |  |',
      '| alone | 512 MB | – (a peer) |  |  |  |',
    ]);
  });
});

describe('losses in both precisions', () => {
  const lossesOf = (stage: string, precision: ConvPrecision, losses: readonly number[]): FinalLoss[] => losses.map((loss, seed) => ({ stage, seed, precision, loss }));

  it('agree when their means differ by no more than the seeds do', () => {
    const [vae, unet] = compareLosses([...lossesOf('vae', 'float32', [1, 2, 3]), ...lossesOf('vae', 'bfloat16', [1.5, 2.5, 3.5]), ...lossesOf('unet', 'bfloat16', [4, 4.2]), ...lossesOf('unet', 'float32', [3, 3.2])]);
    expect(vae).toEqual({ stage: 'vae', float32: { mean: 2, deviation: 1 }, bfloat16: { mean: 2.5, deviation: 1 }, difference: 0.5, isReached: true });
    expect(unet).toMatchObject({ stage: 'unet', isReached: false });
    expect(compareLosses([...lossesOf('vae', 'float32', [1, 2]), ...lossesOf('vae', 'bfloat16', [NaN, 2])])[0].isReached).toBe(false);
    expect(compareLosses([...lossesOf('vae', 'float32', [3, 3.2]), ...lossesOf('vae', 'bfloat16', [1, 1.2])])[0].isReached).toBe(true);
  });
});

describe('rows', () => {
  it.each([false, true])('have names of their own in every group, quick %s', async (isQuick) => {
    const rows = createRows({ drums: await loadRunConfig(DRUMS), folder, isQuick });
    expect([...new Set(rows.map(({ group }) => group))]).toEqual([...ROW_GROUPS]);
    expect(new Set(rows.map(({ name, peer }) => `${name} ${peer}`)).size).toBe(rows.length);
    for (const { reach, aim } of rows) expect(aim).toBeGreaterThan(reach);
  });

  it('are chosen by group', () => {
    expect(parseRowGroups('vae, unet')).toEqual(['unet', 'vae']);
    expect(() => parseRowGroups('unet,vea')).toThrow(/--rows: got 'vea', expected some of unet, vae/);
    expect(() => parseRowGroups(' ,')).toThrow('--rows');
  });

  it('are refused by name on the command line', async () => {
    expect(await refusal('bench', '--rows', 'unets')).toMatchObject({ status: EXIT_STATUS.usage, stderr: expect.stringContaining("'unets'") as string });
    expect((await runCommand('bench', '--pairs', '0')).status).toBe(EXIT_STATUS.usage);
  });

  it('that do not do the same work are no comparison', () => {
    const facts: JobFacts = { value: 1, parameters: 7, threads: 2, versions: 'x' };
    const check = (over: Partial<JobFacts>, tolerance: number | null = 1e-3) => () => requireSameWork({ tolerance }, facts, { ...facts, ...over });
    expect(check({ value: 1.0005 })).not.toThrow();
    expect(check({ value: 2 }, null)).not.toThrow();
    expect(check({ parameters: 8 })).toThrow('parameters: got 7 here and 8 there');
    expect(check({ value: 1.01 })).toThrow('first result: got 1 here and 1.01 there');
    expect(check({ value: NaN })).toThrow('first result');
  });
});

/** A side of a row that speaks the language of jobs. */
function program(name: string, body: string) {
  const script = join(folder, `${name}.mjs`);
  writeFileSync(script, body);
  return { name, command: process.execPath, args: [script] };
}

const job = { job: 'mel', folder, threads: 1, engine: 'auto', turnMilliseconds: 0 } as unknown as Job;
const FIRST = `console.log('{"first": {"value": 3, "parameters": null, "threads": 1, "versions": "v"}}');`;

describe('a worker', () => {
  it('tells what its first run came to, then a time each time it is asked', async () => {
    const worker = await startWorker(program('good', `
      import { createInterface } from 'node:readline';
      console.log('words of a library'); ${FIRST} console.log('{"ready": true}');
      let runs = 0;
      for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(line === 'run' ? { milliseconds: (runs += 1) } : { error: 'what?' }));
    `), job);
    expect(worker.facts).toEqual({ value: 3, parameters: null, threads: 1, versions: 'v' });
    expect([await worker.run(), await worker.run()]).toEqual([1, 2]);
    expect(worker.firstRunMilliseconds).toBeGreaterThan(0);
    if (platform() === 'linux') expect(worker.peakMegabytes()).toBeGreaterThan(10);
    await expect(worker.convolutionShare()).rejects.toThrow('what?');
    await worker.end();
    expect(worker.peakMegabytes()).toBeNull();
  });

  it.each([
    ['ends before it answers', `console.error('no such network'); process.exit(3);`, /got an end with status 3.*no such network/s],
    ['answers out of turn', `console.log('{"ready": true}'); setTimeout(() => {}, 60000);`, /an answer without 'first'/],
    ['ends between two runs', `${FIRST} console.log('{"ready": true}'); process.stdin.once('data', () => process.exit(1));`, /got an end with status 1/],
  ])('that %s is an error that says so', async (name, body, message) => {
    await expect(startWorker(program(name.replaceAll(' ', '-'), body), job).then((worker) => worker.run())).rejects.toThrow(message);
  });

  it('that is not there is an error', async () => {
    await expect(startWorker({ name: 'nothing', command: join(folder, 'nothing'), args: [] }, job)).rejects.toThrow(/nothing.*ENOENT/s);
  });
});

describe('a whole program', () => {
  const facts: JobFacts = { value: null, parameters: null, threads: 1, versions: '' };

  it('is run anew for each time', async () => {
    const mark = join(folder, 'runs');
    const whole = await startWholeProgram({ ...program('whole', `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(mark)}, 'x'); setTimeout(() => {}, 150);`), facts });
    expect(await whole.run()).toBeGreaterThan(150);
    expect(existsSync(mark)).toBe(true);
    if (platform() === 'linux') expect(whole.peakMegabytes()).toBeGreaterThan(10);
  });

  it('that fails is an error with what it said', async () => {
    await expect(startWholeProgram({ ...program('failing', `console.error('out of paint'); process.exit(4);`), facts })).rejects.toThrow(/failing: got an end with status 4.*out of paint/s);
  });

  it('has the peak of memory that Linux keeps', () => {
    expect(parsePeak('Name:\tnode\nVmHWM:\t  2000 kB\nVmRSS:\t 1000 kB\n')).toBeCloseTo(2.048);
    expect(parsePeak('Name:\tnode\n')).toBeNull();
  });
});

describe('growth', () => {
  it('changes one thing at a time, in configurations that hold together', async () => {
    const drums = await loadRunConfig(DRUMS);
    const plans = growthPlans();
    for (const { overrides } of plans) expect(() => resolveOverrides(drums, overrides)).not.toThrow();
    expect(new Set(plans.map(({ axis }) => axis)).size).toBe(3);
    expect(plans.filter(({ axis, batchSize }) => axis !== 'batch' && batchSize !== 8)).toEqual([]);
  });

  it('is a plot in which what is proportional lies on a line', () => {
    const points = [1, 2, 4].flatMap((size) => (['batch', 'frames', 'channels'] as const).map((axis) => ({ axis, size, milliseconds: 10 * size, megabytes: axis === 'batch' ? null : 100 })));
    const svg = growthPlot(points, 'a title');
    expect(svg.match(/<polyline points="[^"]+"/g)).toHaveLength(5);
    const [line] = svg.match(/(?<=polyline points=")[^"]+/g)!;
    const corners = line.split(' ').map((text) => text.split(',').map(Number));
    const slope = (from: number, to: number): number => (corners[to][1] - corners[from][1]) / (corners[to][0] - corners[from][0]);
    expect(slope(0, 1)).toBeCloseTo(slope(1, 2), 2);
    expect(growthLines(points)[0]).toBe('batch 1: 10 ms a step');
    expect(growthLines(points)[1]).toBe('frames 1: 10 ms a step, 100 MB at most');
  });
});

describe('a large corpus', () => {
  it('is as long as it should be, no two files alike', async () => {
    await writeLargeCorpus(join(folder, 'large'), { hours: 0.81, sampleRateHz: 500 });
    const files = await Promise.all(['even/0.wav', 'odd/1.wav', 'even/8.wav'].map((name) => decodeFile(join(folder, 'large', name))));
    expect(files.map(({ channels }) => channels[0].length)).toEqual([360 * 500, 360 * 500, 36 * 500]);
    expect(files[0].channels[0].subarray(0, 1000)).not.toEqual(files[1].channels[0].subarray(0, 1000));
  });

  it('is refused where the disk is too small for it', () => {
    expect(() => requireDisk(folder, { hours: 1e9, sampleRateHz: 22_050 })).toThrow(/GB free, expected .* GB for 1000000000 hours.*TMPDIR/);
    expect(() => requireDisk(folder, { hours: 1e-6, sampleRateHz: 22_050 })).not.toThrow();
  });
});
