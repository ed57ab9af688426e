// Seams, decay and loops of a trained run, in numbers. After a build:
//
//   node tests/generation/page/measure-long.mjs <run> [--seconds 30] [--seeds 6] [--overlap 0.5] [--steps N] [--loop] [--corpus <folder>] [--vocoder auto]
//
// Seams: the flux of image and sound at the borders of windows, against the same borders moved to every other edge of a latent column between two of
// them (findSeam in tests/support/flux.ts). With --loop the same of the place where a loop begins again. Decay: level, brightness and
// contrast of the last tenth against the first. With --corpus the same of real sounds, and of what the model draws in one piece, to compare with.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const built = (path) => import(new URL(`../../../dist/${path}`, import.meta.url).href);
const { chooseVocoder } = await built('cli/choose-vocoder.js');
const { openRun } = await built('cli/open-run.js');
const { createClipMeter } = await built('evaluation/clip-measures.js');
const { clipLength, columnWindows, createMelCodec, frameWindows, generateClips, loadMono, startEngine } = await built('index.js');

const { values, positionals: [run] } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '30' }, seeds: { type: 'string', default: '6' }, overlap: { type: 'string', default: '0.5' }, steps: { type: 'string' }, loop: { type: 'boolean', default: false }, corpus: { type: 'string' }, vocoder: { type: 'string', default: 'griffin-lim' } },
});
const detector = ts.transpileModule(readFileSync(new URL('../../support/flux.ts', import.meta.url), 'utf8'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText;
const { findSeam, imageFlux } = await import(`data:text/javascript,${encodeURIComponent(detector)}`);

await startEngine('auto');
const { pipeline, generation } = await openRun(run);
const { mel, labels } = pipeline;
const codec = createMelCodec(mel);
const meter = createClipMeter(mel.sampleRateHz);
const seconds = Number(values.seconds);
const seeds = Array.from({ length: Number(values.seeds) }, (_, seed) => seed + 1);
const labelOf = (index) => (labels.length === 0 ? null : index % labels.length);
const request = {
  ...generation, ...(values.steps && { steps: Number(values.steps) }), vocoder: chooseVocoder(pipeline, generation, values.vocoder), seeds, labels: seeds.map((_, index) => labelOf(index)),
};
const cellDb = (mel.ceilingDb - mel.floorDb) / 2;
const mean = (list) => list.reduce((sum, value) => sum + value / list.length, 0);
const deviation = (list) => Math.sqrt(mean(list.map((value) => (value - mean(list)) ** 2)));
const estimate = (list, digits = 2) => `${mean(list).toFixed(digits)} ± ${(deviation(list) / Math.sqrt(list.length - 1)).toFixed(digits)}`;

/** Level in dBFS, centroid in Hz, and contrast: the deviation over frequency of a frame's cells, in dB. */
function measure(samples) {
  const { rmsDbfs, centroidHz } = meter([samples]);
  const { data, frameCount } = codec.analyse(samples);
  const contrasts = Array.from({ length: frameCount }, (_, frame) => deviation(Array.from({ length: mel.melBins }, (_, row) => cellDb * data[row * frameCount + frame])));
  return { levelDb: rmsDbfs, centroidHz: centroidHz ?? Number.NaN, contrastDb: mean(contrasts) };
}

/** How far the last tenth is from the first. */
function drift(samples) {
  const tenth = Math.floor(samples.length / 10);
  const [first, last] = [measure(samples.subarray(0, tenth)), measure(samples.subarray(samples.length - tenth))];
  return { level: last.levelDb - first.levelDb, centroid: 100 * (last.centroidHz / first.centroidHz - 1), contrast: last.contrastDb - first.contrastDb };
}

const columnFrames = mel.frames / columnWindows(pipeline, { drawnFrames: mel.frames, isLoop: false, overlap: null }).width;
/** Change at the edges of the decoder's columns over that within them. */
const gridRatio = (flux) => mean(flux.filter((_, frame) => (frame + 1) % columnFrames === 0)) / mean(flux.filter((_, frame) => (frame + 1) % columnFrames !== 0));
const ofAll = [];
const twice = (image) => { const { frameCount, data } = image; return { ...image, frameCount: 2 * frameCount, data: Float32Array.from({ length: 2 * data.length }, (_, cell) => data[Math.floor(cell / (2 * frameCount)) * frameCount + (cell % frameCount)]) }; };
for await (const { image, clip: { channels: [samples] }, label } of generateClips(pipeline, { ...request, seconds, isLoop: values.loop, overlap: Number(values.overlap) })) {
  const length = clipLength(pipeline, { seconds, isLoop: values.loop, overlap: Number(values.overlap) });
  const { starts, width } = frameWindows(pipeline, length);
  const name = label === null ? '' : labels[label];
  if (values.loop) {
    const wrapped = Float32Array.from({ length: 2 * samples.length }, (_, index) => samples[index % samples.length]);
    const [ofImage, ofSound] = [imageFlux(twice(image)), imageFlux(codec.analyse(wrapped))];
    const [inImage, inSound] = [findSeam(ofImage, { frames: [image.frameCount], period: image.frameCount - 8, grid: columnFrames }), findSeam(ofSound, { frames: [Math.round(samples.length / mel.hopSamples)], period: image.frameCount - 8, grid: columnFrames })];
    ofAll.push({ name, imageRatio: inImage.ratio, imageDeviations: inImage.deviations, soundRatio: inSound.ratio, soundDeviations: inSound.deviations, jump: jumpAtEnd(samples) });
    continue;
  }
  const borders = [...new Set(starts.flatMap((start) => [start, start + width]))].filter((frame) => frame > 4 && frame < image.frameCount - 4).sort((a, b) => a - b);
  const period = Math.min(...borders.slice(1).map((border, index) => border - borders[index]).filter((gap) => gap > 8));
  const [inImage, inSound] = [imageFlux(image), imageFlux(codec.analyse(samples))].map((flux) => findSeam(flux, { frames: borders, period, grid: columnFrames }));
  ofAll.push({ name, borders: borders.length, imageRatio: inImage.ratio, imageDeviations: inImage.deviations, soundRatio: inSound.ratio, soundDeviations: inSound.deviations, columnEdges: gridRatio(imageFlux(image)), ...measure(samples), ...drift(samples) });
}

/** The step from the last sample to the first, against the mean step. */
function jumpAtEnd(samples) {
  const steps = Array.from(samples.subarray(1), (sample, index) => Math.abs(sample - samples[index]));
  return Math.abs(samples[0] - samples.at(-1)) / mean(steps);
}

const rounded = (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? Number(value.toFixed(2)) : value]));
console.table(ofAll.map(rounded));
const all = (key, digits) => estimate(ofAll.map((row) => row[key]), digits);
const where = values.loop ? 'where the loop begins again' : 'at borders of windows';
console.log(`flux ${where} over other places: image ${all('imageRatio')}, sound ${all('soundRatio')}; in deviations of these: image ${all('imageDeviations')}, sound ${all('soundDeviations')}`);
if (values.loop) console.log(`step from last sample to first over the mean step: ${all('jump')}`);
else console.log(`last tenth - first tenth: level ${all('level')} dB, centroid ${all('centroid', 1)} %, contrast ${all('contrast')} dB\nwhole: level ${all('levelDb')} dBFS, centroid ${all('centroidHz', 0)} Hz, contrast ${all('contrastDb')} dB`);

if (values.corpus !== undefined && !values.loop) {
  const single = [];
  for await (const { clip: { channels: [samples] } } of generateClips(pipeline, { ...request, overlap: undefined })) single.push(measure(samples));
  const report = (what, list) => console.log(`${what}: level ${estimate(list.map((one) => one.levelDb))} dBFS, centroid ${estimate(list.map((one) => one.centroidHz), 0)} Hz, contrast ${estimate(list.map((one) => one.contrastDb))} dB`);
  report('drawn in one piece', single);
  const real = [];
  const drifts = [];
  for (const label of labels) {
    for (const file of readdirSync(join(values.corpus, label)).filter((name) => name.endsWith('.wav'))) {
      const samples = await loadMono(join(values.corpus, label, file), { sampleRateHz: mel.sampleRateHz, downmix: 'mean' });
      const cut = samples.slice(0, Math.min(samples.length, Math.round((seconds + 1) * mel.sampleRateHz))).subarray(mel.sampleRateHz);
      real.push(measure(cut));
      drifts.push(drift(cut));
    }
  }
  report('real', real);
  console.log(`real, last tenth - first tenth: level ${estimate(drifts.map((one) => one.level))} dB, centroid ${estimate(drifts.map((one) => one.centroid), 1)} %, contrast ${estimate(drifts.map((one) => one.contrast))} dB`);
}
pipeline.dispose();
