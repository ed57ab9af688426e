// Seams and decay of long clips of a trained run, in numbers: node tests/generation/page/measure-seams.mjs <run> [--seconds 60] [--seeds 4] [--overlap 0.5], after a build.
// Flux: the mean change of the mel image from frame to frame (tests/support/flux.ts), beside the borders of windows against everywhere else, and as a
// control beside the middles between borders. Decay: mean level and spread of the last tenth against the first.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const built = (path) => import(new URL(`../../../dist/${path}`, import.meta.url).href);
const { openRun } = await built('cli/open-run.js');
const { clipLength, createGriffinLimVocoder, frameWindows, generateClips, startEngine } = await built('index.js');

const { values, positionals: [run] } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' }, seeds: { type: 'string', default: '4' }, overlap: { type: 'string', default: '0.5' } } });
const detector = ts.transpileModule(readFileSync(new URL('../../support/flux.ts', import.meta.url), 'utf8'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText;
const { fluxAt, imageFlux } = await import(`data:text/javascript,${encodeURIComponent(detector)}`);

await startEngine('auto');
const { pipeline, generation } = await openRun(run);
const request = {
  ...generation, seconds: Number(values.seconds), overlap: Number(values.overlap), vocoder: createGriffinLimVocoder(pipeline.mel, { iterations: 1 }),
  seeds: Array.from({ length: Number(values.seeds) }, (_, seed) => seed), labels: Array.from({ length: Number(values.seeds) }, (_, index) => (pipeline.labels.length === 0 ? null : index % pipeline.labels.length)),
};
const { starts, width } = frameWindows(pipeline, clipLength(pipeline, request));
const toDb = (value) => ((value + 1) / 2) * (pipeline.mel.ceilingDb - pipeline.mel.floorDb);
const mean = (list) => list.reduce((sum, value) => sum + value / list.length, 0);
const deviation = (list) => Math.sqrt(mean(list.map((value) => (value - mean(list)) ** 2)));

/** Mean and spread over the cells of some frames. Unit: dB. */
function levels({ data, frameCount, settings: { melBins } }, from, to) {
  const cells = [];
  for (let row = 0; row < melBins; row += 1) for (let frame = from; frame < to; frame += 1) cells.push(toDb(data[row * frameCount + frame]));
  return { mean: mean(cells), deviation: deviation(cells) };
}

const rows = [];
for await (const { image, label } of generateClips(pipeline, request)) {
  const { frameCount } = image;
  const inside = (frames) => frames.filter((frame) => frame > 4 && frame < frameCount - 4);
  const borders = inside([...new Set(starts.flatMap((start) => [start, start + width]))]).sort((a, b) => a - b);
  const middles = borders.slice(1).map((border, index) => Math.round((border + borders[index]) / 2));
  const flux = imageFlux(image).map((value) => toDb(value - 1));
  const [atBorders, atMiddles] = [fluxAt(flux, borders, 1), fluxAt(flux, middles, 1)];
  const tenth = Math.floor(frameCount / 10);
  const [first, last] = [levels(image, 0, tenth), levels(image, frameCount - tenth, frameCount)];
  rows.push({
    label: label === null ? '' : pipeline.labels[label], borders: borders.length, fluxDb: atBorders.elsewhere, seamRatio: atBorders.near / atBorders.elsewhere, controlRatio: atMiddles.near / atMiddles.elsewhere,
    firstDb: first.mean, lastDb: last.mean, firstSpreadDb: first.deviation, lastSpreadDb: last.deviation,
  });
}
const shown = (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? Number(value.toFixed(3)) : value]));
console.table(rows.map(shown));
for (const key of ['seamRatio', 'controlRatio']) console.log(`${key}: ${mean(rows.map((row) => row[key])).toFixed(3)} ± ${deviation(rows.map((row) => row[key])).toFixed(3)}`);
const drifts = rows.map(({ firstDb, lastDb }) => lastDb - firstDb);
console.log(`last tenth - first tenth: ${mean(drifts).toFixed(2)} ± ${deviation(drifts).toFixed(2)} dB`);
