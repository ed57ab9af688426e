// What vary, fill and morph do to real sounds with a trained run, in numbers. After a build:
//
//   node tests/generation/page/measure-operations.mjs <run> --corpus <folder> [--take take-4.wav] [--steps N] [--only vary,fill,extend,morph] [--sheet P.png]
//                                                     [--at 20.5,28.5] [--heed-rounds N] [--resamples N] [--detail X] [--hold X] [--guidance X] [--vocoder auto] [--fade X]
//
// The corpus has a folder for each label, each with that take. vary: the distance to the input's round trip at ten strengths. fill: three seconds
// with a second in their middle drawn anew: what is outside is compared sample by sample, the joins with everywhere else (flux, and the sharpest
// bend of the waveform). The same flux of the recording itself says what there is at these places anyway (chords of configs/notes.yaml change at
// whole seconds, so --at lies between two), and that of the recording with the second replaced by what the autoencoder makes of it (--detail
// counts) how near a network without fault would come; what is drawn fluctuates less than a recording, so that the joins are compared with the livelier
// side of them as well. extend: three seconds go on for three, or begin three earlier, and the middle of the
// join's fade is compared in the same way with what lies within two seconds of it. Both at every --at. morph: how alike the steps are. The sheet shows what fill was given and what it gave.
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
  options: { corpus: { type: 'string' }, take: { type: 'string', default: 'take-4.wav' }, steps: { type: 'string' }, only: { type: 'string', default: 'vary,fill,extend,morph' }, sheet: { type: 'string' }, at: { type: 'string', default: '20.5' }, 'heed-rounds': { type: 'string' }, resamples: { type: 'string' }, detail: { type: 'string' }, hold: { type: 'string' }, guidance: { type: 'string' }, vocoder: { type: 'string', default: 'griffin-lim' }, fade: { type: 'string' } },
});
const detector = ts.transpileModule(readFileSync(new URL('../../support/flux.ts', import.meta.url), 'utf8'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText;
const { findSeam, fluxAt, imageFlux } = await import(`data:text/javascript,${encodeURIComponent(detector)}`);

await startEngine('auto');
const { pipeline, generation } = await openRun(run);
const { mel, labels } = pipeline;
const rate = mel.sampleRateHz;
const codec = createMelCodec(mel);
const meter = createClipMeter(rate);
const columnFrames = mel.frames / columnWindows(pipeline, { drawnFrames: mel.frames, isLoop: false, overlap: null }).width;
const sliceSeconds = ((mel.frames - 2) * mel.hopSamples) / rate;
const takes = await Promise.all(labels.map((label) => loadMono(join(values.corpus, label, values.take), { sampleRateHz: rate, downmix: 'mean' })));
const places = values.at.split(',').map(Number);
const cut = (seconds, from = 20) => takes.map((all) => ({ sampleRateHz: rate, channels: [all.slice(Math.round(from * rate), Math.round((from + seconds) * rate))] }));
const draws = { ...generation, ...(values.steps && { steps: Number(values.steps) }), ...(values.guidance && { guidance: Number(values.guidance) }), ...Object.fromEntries([['heedRounds', 'heed-rounds'], ['resamples', 'resamples'], ['detail', 'detail'], ['holdSeconds', 'hold']].flatMap(([key, flag]) => (values[flag] === undefined ? [] : [[key, Number(values[flag])]]))), vocoder: chooseVocoder(pipeline, generation, values.vocoder) };
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

/** Change at joins over that of the livelier of two sides, each the frames that a predicate takes. */
function overLivelier(flux, joins, isOnFirstSide) {
  const away = flux.map((value, frame) => ({ value, frame })).slice(4, -4).filter(({ frame }) => joins.every((join) => Math.abs(frame + 0.5 - join) > 3));
  const sides = [true, false].map((side) => mean(away.filter(({ frame }) => isOnFirstSide(frame) === side).map(({ value }) => value)));
  return fluxAt(flux, joins, 1).near / Math.max(...sides);
}

/** Means over sounds, those that are silent left out. */
function meansOf(rows) {
  return Object.fromEntries(Object.keys(rows[0]).filter((key) => typeof rows[0][key] === 'number').map((key) => [key, short(mean(rows.map((row) => row[key]).filter(Number.isFinite)))]));
}

const byLabel = (rows) => console.table(labels.map((label) => ({ label, ...meansOf(rows.filter((row) => row.label === label)) })));

async function measureFill() {
  const [from, to] = [rate, 2 * rate];
  const joins = [from, to].map((sample) => Math.round(sample / mel.hopSamples));
  const rows = [];
  let seconds = 0;
  for (const at of places) {
    const sounds = cut(3, at);
    const given = { ...draws, sounds, seeds, mixes, region: { fromSeconds: 1, toSeconds: 2 } };
    const started = performance.now();
    const clips = await collect(fillSounds(pipeline, given));
    seconds += (performance.now() - started) / 1000;
    const trips = await collect(fillSounds(pipeline, { ...given, sampler: 'ddim', steps: 1, strength: 1e-9, guidance: 1, heedRounds: 0, resamples: 0 }));
    const seamOf = (flux) => findSeam(flux, { frames: joins, period: joins[1] - joins[0] });
    for (const [index, { clip: { channels: [made] } }] of clips.entries()) {
      const [own] = sounds[index].channels;
      const [trip] = trips[index].clip.channels;
      const changed = made.reduce((count, sample, place) => count + (sample !== own[place] && (place < from || place >= to) ? 1 : 0), 0);
      const [flux, ownFlux, tripFlux] = [made, own, trip].map((samples) => imageFlux(codec.analyse(samples)));
      const { ratio, deviations } = seamOf(flux);
      const livelier = (one) => overLivelier(one, joins, (frame) => frame < joins[0] || frame > joins[1]);
      const nearby = Math.round(0.005 * rate);
      const elsewhere = [[0, from - nearby], [from + nearby, to - nearby], [to + nearby, made.length]].map((stretch) => bend(made, ...stretch));
      const inside = (samples) => meter([withoutOffset(samples.subarray(from, to))]);
      const levelDb = inside(made).rmsDbfs - inside(own).rmsDbfs;
      rows.push({
        label: labels[index], changedOutside: changed, ofRecording: seamOf(ownFlux).ratio, ofRoundTrip: seamOf(tripFlux).ratio, fluxAtJoins: ratio, deviations, overLivelier: livelier(flux), recordingOverLivelier: livelier(ownFlux), tripOverLivelier: livelier(tripFlux),
        bendAtJoins: Math.max(bend(made, from - nearby, from + nearby), bend(made, to - nearby, to + nearby)) / Math.max(...elsewhere),
        levelDb, awayDb: Math.abs(levelDb), tripLevelDb: inside(trip).rmsDbfs - inside(own).rmsDbfs, centroidPercent: 100 * (inside(made).centroidHz / inside(own).centroidHz - 1),
      });
    }
    if (values.sheet !== undefined && at === places[0]) writeFileSync(values.sheet, contactSheet(clips.flatMap(({ clip: { channels: [made] } }, index) => [sounds[index].channels[0], made].map((samples) => codec.analyse(samples))), { scale: 2, gap: 6, columns: 4 }));
  }
  byLabel(rows);
  const of = meansOf(rows);
  console.log(`fill: flux at joins over elsewhere ${of.fluxAtJoins} (recording ${of.ofRecording}, round trip ${of.ofRoundTrip}), deviations ${of.deviations}; over the livelier side ${of.overLivelier} (${of.recordingOverLivelier}, ${of.tripOverLivelier}); level inside against the input's ${of.levelDb} dB, away by ${of.awayDb} (round trip ${of.tripLevelDb}); ${short(seconds)} s`);
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
    for (const at of places) {
      for (const seed of [1, 2, 3]) {
        const sounds = cut(3, at);
        for (const [index, sound] of sounds.entries()) {
          const [{ clip: { channels: [made] }, sidecar }] = await collect(extendClips(pipeline, { ...draws, sound, seeds: [seed], labels: [index], seconds: 3, isBefore, ...(values.fade && { fadeSeconds: Number(values.fade) }) }));
          const edge = isBefore ? made.length - sound.channels[0].length : sound.channels[0].length;
          const join = Math.round((edge + (isBefore ? 0.5 : -0.5) * sidecar.extension.marginSeconds * rate) / mel.hopSamples); // in the middle of the fade
          const whole = takes[index].subarray(Math.round((at - (isBefore ? 3 : 0)) * rate), Math.round((at + (isBefore ? 3 : 6)) * rate)); // its own three seconds there
          const [flux, ownFlux] = [made, whole].map((samples) => imageFlux(codec.analyse(samples)).slice(join - near, join + near));
          const seamOf = (one) => findSeam(one, { frames: [near], period: near - 8, grid: columnFrames });
          const livelier = (one) => overLivelier(one, [near], (frame) => frame < near);
          const { ratio, deviations } = seamOf(flux);
          rows.push({ label: labels[index], ofRecording: seamOf(ownFlux).ratio, fluxAtJoin: ratio, deviations, overLivelier: livelier(flux), recordingOverLivelier: livelier(ownFlux) });
        }
      }
    }
    byLabel(rows);
    const of = meansOf(rows);
    console.log(`extend${isBefore ? ' --before' : ''}: flux at the join over elsewhere ${of.fluxAtJoin} (recording there ${of.ofRecording}), deviations ${of.deviations}; over the livelier side ${of.overLivelier} (recording ${of.recordingOverLivelier})`);
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
