// What vary, fill and morph do to real sounds with a trained run, in numbers. After a build:
//
//   node tests/generation/page/measure-operations.mjs <run> --corpus <folder> [--take take-4.wav] [--steps N] [--only vary,fill,extend,morph] [--sheet P.png]
//                                                     [--at 20.5] [--heed-rounds N] [--resamples N] [--detail X] [--vocoder auto] [--fade X]
//
// The corpus has a folder for each label, each with that take. vary: the distance to the input's round trip at ten strengths. fill: three seconds
// with a second in their middle drawn anew: what is outside is compared sample by sample, the joins with everywhere else (flux, and the sharpest
// bend of the waveform). The same flux of the recording itself says what there is at these places anyway (chords of configs/notes.yaml change at
// whole seconds, so --at lies between two), and that of the recording with the second replaced by what the autoencoder makes of it (--detail
// counts) how near a network without fault would come. extend: three seconds go on for three, or begin three earlier, and the middle of the
// join's fade is compared in the same way with what lies within two seconds of it. morph: how alike the steps are. The sheet shows what fill was given and what it gave.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const built = (path) => import(new URL(`../../../dist/${path}`, import.meta.url).href);
const { chooseVocoder } = await built('cli/choose-vocoder.js');
const { openRun } = await built('cli/open-run.js');
const { createClipMeter } = await built('evaluation/clip-measures.js');
const { columnWindows, contactSheet, createGriffinLimVocoder, createMelCodec, extendClips, fillSounds, loadMono, melDistance, morphSounds, startEngine, varySounds } = await built('index.js');
const { values, positionals: [run] } = parseArgs({
  allowPositionals: true,
  options: { corpus: { type: 'string' }, take: { type: 'string', default: 'take-4.wav' }, steps: { type: 'string' }, only: { type: 'string', default: 'vary,fill,extend,morph' }, sheet: { type: 'string' }, at: { type: 'string', default: '20.5' }, 'heed-rounds': { type: 'string' }, resamples: { type: 'string' }, detail: { type: 'string' }, vocoder: { type: 'string', default: 'griffin-lim' }, fade: { type: 'string' } },
});
const detector = ts.transpileModule(readFileSync(new URL('../../support/flux.ts', import.meta.url), 'utf8'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText;
const { findSeam, imageFlux } = await import(`data:text/javascript,${encodeURIComponent(detector)}`);

await startEngine('auto');
const { pipeline, generation } = await openRun(run);
const { mel, labels } = pipeline;
const rate = mel.sampleRateHz;
const codec = createMelCodec(mel);
const meter = createClipMeter(rate);
const columnFrames = mel.frames / columnWindows(pipeline, { drawnFrames: mel.frames, isLoop: false, overlap: null }).width;
const sliceSeconds = ((mel.frames - 2) * mel.hopSamples) / rate;
const takes = await Promise.all(labels.map((label) => loadMono(join(values.corpus, label, values.take), { sampleRateHz: rate, downmix: 'mean' })));
const at = Number(values.at);
const cut = (seconds, from = 20) => takes.map((all) => ({ sampleRateHz: rate, channels: [all.slice(Math.round(from * rate), Math.round((from + seconds) * rate))] }));
const draws = { ...generation, ...(values.steps && { steps: Number(values.steps) }), vocoder: chooseVocoder(pipeline, generation, values.vocoder) };
const mixes = labels.map((_, label) => ({ parts: [{ label }] }));
const seeds = labels.map((_, index) => index + 1);
const mean = (list) => list.reduce((sum, value) => sum + value / list.length, 0);
const short = (value) => Number(value.toFixed(2));

async function collect(clips) {
  const all = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

async function measureVary() {
  const sounds = cut(sliceSeconds);
  const quick = { ...draws, vocoder: createGriffinLimVocoder(mel, { iterations: 1 }) };
  const origins = (await collect(varySounds(pipeline, { ...quick, sounds, seeds, mixes, strength: 0 }))).map(({ image }) => image);
  const rows = [];
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    const clips = await collect(varySounds(pipeline, { ...quick, sounds, seeds, mixes, strength: tenth / 10 }));
    rows.push(clips.map(({ image }, index) => melDistance(origins[index], image).errorDb));
  }
  console.table(rows.map((row, index) => ({ strength: (index + 1) / 10, ...Object.fromEntries(row.map((value, label) => [labels[label], short(value)])), mean: short(mean(row)) })));
  const means = rows.map(mean);
  const falls = labels.map((_, label) => rows.slice(1).filter((row, index) => row[label] < rows[index][label]).length);
  console.log(`vary: mean distance ${means.every((value, index) => index === 0 || value >= means[index - 1]) ? 'rises' : 'does not always rise'} with strength; steps down per sound: ${falls.join(', ')} of 9`);
}

/** The sharpest bend of a waveform in a stretch: its largest second difference. */
function bend(samples, from, to) {
  let most = 0;
  for (let at = Math.max(1, from); at < Math.min(samples.length - 1, to); at += 1) most = Math.max(most, Math.abs(samples[at + 1] - 2 * samples[at] + samples[at - 1]));
  return most;
}

async function measureFill() {
  const [from, to] = [rate, 2 * rate];
  const sounds = cut(3, at);
  const given = { ...draws, sounds, seeds, mixes, region: { fromSeconds: 1, toSeconds: 2 }, ...Object.fromEntries([['heedRounds', 'heed-rounds'], ['resamples', 'resamples'], ['detail', 'detail']].flatMap(([key, flag]) => (values[flag] === undefined ? [] : [[key, Number(values[flag])]]))) };
  const started = performance.now();
  const clips = await collect(fillSounds(pipeline, given));
  const seconds = (performance.now() - started) / 1000;
  const trips = await collect(fillSounds(pipeline, { ...given, sampler: 'ddim', steps: 1, strength: 1e-9, guidance: 1, heedRounds: 0, resamples: 0 }));
  const joins = [from, to].map((sample) => Math.round(sample / mel.hopSamples));
  const seamOf = (samples) => findSeam(imageFlux(codec.analyse(samples)), { frames: joins, period: joins[1] - joins[0] });
  const rows = clips.map(({ clip: { channels: [made] } }, index) => {
    const [given] = sounds[index].channels;
    const [trip] = trips[index].clip.channels;
    const changed = made.reduce((count, sample, place) => count + (sample !== given[place] && (place < from || place >= to) ? 1 : 0), 0);
    const { ratio, deviations } = seamOf(made);
    const nearby = Math.round(0.005 * rate);
    const elsewhere = [[0, from - nearby], [from + nearby, to - nearby], [to + nearby, made.length]].map((stretch) => bend(made, ...stretch));
    const inside = (samples) => meter([withoutOffset(samples.subarray(from, to))]);
    return {
      label: labels[index], changedOutside: changed, ofRecording: short(seamOf(given).ratio), ofRoundTrip: short(seamOf(trip).ratio), fluxAtJoins: short(ratio), deviations: short(deviations), bendAtJoins: short(Math.max(bend(made, from - nearby, from + nearby), bend(made, to - nearby, to + nearby)) / Math.max(...elsewhere)),
      levelDb: short(inside(made).rmsDbfs - inside(given).rmsDbfs), tripLevelDb: short(inside(trip).rmsDbfs - inside(given).rmsDbfs), centroidPercent: short(100 * (inside(made).centroidHz / inside(given).centroidHz - 1)),
    };
  });
  console.table(rows);
  const of = (key) => short(mean(rows.map((row) => row[key])));
  console.log(`fill: flux at joins over elsewhere ${of('fluxAtJoins')} (recording ${of('ofRecording')}, round trip ${of('ofRoundTrip')}), deviations ${of('deviations')}; level inside against the input's ${of('levelDb')} dB (round trip ${of('tripLevelDb')}); ${short(seconds)} s`);
  if (values.sheet !== undefined) writeFileSync(values.sheet, contactSheet(clips.flatMap(({ clip: { channels: [made] } }, index) => [sounds[index].channels[0], made].map((samples) => codec.analyse(samples))), { scale: 2, gap: 6, columns: 4 }));
}

/** A recording's constant offset is no level, and no mel image knows of it. */
function withoutOffset(samples) {
  const offset = mean(samples);
  return samples.map((sample) => sample - offset);
}

async function measureExtend() {
  const near = Math.round((2 * rate) / mel.hopSamples);
  for (const isBefore of [false, true]) {
    const rows = [];
    for (const seed of [1, 2, 3]) {
      const sounds = cut(3, at);
      for (const [index, sound] of sounds.entries()) {
        const [{ clip: { channels: [made] }, sidecar }] = await collect(extendClips(pipeline, { ...draws, sound, seeds: [seed], labels: [index], seconds: 3, isBefore, ...(values.fade && { fadeSeconds: Number(values.fade) }) }));
        const edge = isBefore ? made.length - sound.channels[0].length : sound.channels[0].length;
        const join = Math.round((edge + (isBefore ? 0.5 : -0.5) * sidecar.extension.marginSeconds * rate) / mel.hopSamples); // in the middle of the fade
        const seamOf = (samples) => findSeam(imageFlux(codec.analyse(samples)).slice(join - near, join + near), { frames: [near], period: near - 8, grid: columnFrames });
        const whole = takes[index].subarray(Math.round((at - (isBefore ? 3 : 0)) * rate), Math.round((at + (isBefore ? 3 : 6)) * rate)); // its own three seconds there
        const { ratio, deviations } = seamOf(made);
        rows.push({ label: labels[index], seed, ofRecording: short(seamOf(whole).ratio), fluxAtJoin: short(ratio), deviations: short(deviations) });
      }
    }
    console.table(labels.map((label) => ({ label, ...Object.fromEntries(['ofRecording', 'fluxAtJoin', 'deviations'].map((key) => [key, short(mean(rows.filter((row) => row.label === label).map((row) => row[key])))])) })));
    const of = (key) => short(mean(rows.map((row) => row[key])));
    console.log(`extend${isBefore ? ' --before' : ''}: flux at the join over elsewhere ${of('fluxAtJoin')} (recording there ${of('ofRecording')}), deviations ${of('deviations')}`);
  }
}

async function measureMorph() {
  const sounds = cut(sliceSeconds);
  const pairs = labels.map((_, index) => [index, (index + 1) % labels.length]);
  const ways = { labels: ([a, b]) => [{ seed: 1, mix: mixes[a] }, { seed: 2, mix: mixes[b] }], sounds: ([a, b]) => [{ sound: sounds[a] }, { sound: sounds[b] }] };
  for (const [kind, way] of Object.entries(ways)) {
    const rows = [];
    for (const pair of pairs) {
      const [start, end] = way(pair);
      const clips = await collect(morphSounds(pipeline, { ...draws, vocoder: createGriffinLimVocoder(mel, { iterations: 1 }), ...(kind === 'sounds' && { guidance: 1 }), from: start, to: end, count: 6, seed: 1 }));
      const changes = clips.slice(1).map(({ sidecar }) => sidecar.operationSettings.changeDb);
      rows.push({ pair: pair.map((label) => labels[label]).join(' to '), changes: changes.map((value) => value.toFixed(1)).join(' '), largestOverSmallest: short(Math.max(...changes) / Math.min(...changes)) });
    }
    console.table(rows);
    console.log(`morph of ${kind}: largest step over smallest ${short(mean(rows.map((row) => row.largestOverSmallest)))} in the mean, ${Math.max(...rows.map((row) => row.largestOverSmallest))} at most`);
  }
}

const measures = { vary: measureVary, fill: measureFill, extend: measureExtend, morph: measureMorph };
for (const name of values.only.split(',')) await measures[name]();
pipeline.dispose();
