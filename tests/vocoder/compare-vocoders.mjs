// Compares a run's neural vocoder with the classical inverter on held-out sounds, and both on sustained notes. Needs a build:
//
//   node tests/vocoder/compare-vocoders.mjs <run folder> <config.yaml> [--corpus <folder>] [--sounds <folder>] [--count <n>] [--iterations <n>] [--show <folder>]
//
// Held-out sounds are the validation slices of the configuration's corpus, or every sound file under --sounds. Prints one JSON object: for each
// measure the means, and the mean of the pairs' differences (neural minus classical) with its 95 % interval; below 0 the neural one is nearer. --show
// writes the first sound, what the classical inverter and the neural one make of it, and a picture of their spectra above 1 kHz, from the top down.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** A module of the build. */
const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { writeWav } = await built('audio/encode.node.js');
const { loadMono } = await built('audio/load.node.js');
const { loadRunConfig } = await built('config/load.node.js');
const { resolveOverrides } = await built('config/run-config.js');
const { prepareCorpus } = await built('corpus/prepare.node.js');
const { startEngine } = await built('engine/start.node.js');
const { rmsDb } = await built('dsp/loudness.js');
const { createStft } = await built('dsp/stft.js');
const { melDistance } = await built('evaluation/mel-distance.js');
const { pitchSteadiness } = await built('evaluation/pitch-steadiness.js');
const { logSpectralDistance, multiResolutionDistance } = await built('evaluation/spectral-distances.js');
const { findVocoder, openVocoder } = await built('pipeline/vocoder-folder.node.js');
const { createMelCodec } = await built('spectrogram/mel-codec.js');
const { contactSheet } = await built('spectrogram/render.js');
const { createGriffinLimVocoder } = await built('vocoder/griffin-lim-vocoder.js');
const { createNeuralVocoder } = await built('vocoder/neural-vocoder.js');

const LEAST_SAMPLES = 8192;
const NOTES_HZ = [82.41, 110, 146.83, 196, 261.63, 349.23, 440, 587.33, 783.99, 1046.5];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { corpus: { type: 'string' }, sounds: { type: 'string' }, count: { type: 'string', default: '60' }, iterations: { type: 'string', default: '32' }, show: { type: 'string' } },
});
const [runFolder, configPath] = positionals;
if (configPath === undefined) throw new Error('compare-vocoders: got too few words, expected <run folder> <config.yaml>');

await startEngine('auto');
const config = resolveOverrides(await loadRunConfig(configPath), values.corpus === undefined ? [] : [`corpus.path=${JSON.stringify(values.corpus)}`]);
const found = findVocoder(join(runFolder, 'pipeline'), config.mel);
if (found === null) throw new Error(`${runFolder}: got no pipeline/vocoder, expected one. Train it: melstrom train <config> --stage vocoder.`);
const codec = createMelCodec(found.mel);
const iterations = Number(values.iterations);
const vocoders = { neural: createNeuralVocoder(openVocoder(found), { iterations }), classical: createGriffinLimVocoder(found.mel, { iterations }) };

const heard = {
  logSpectralDb: logSpectralDistance,
  multiResolution: (pair) => multiResolutionDistance(pair).distance,
  melErrorDb: ({ reference, candidate }) => melDistance(codec.analyse(reference), codec.analyse(candidate)).activeErrorDb,
  levelDb: ({ reference, candidate }) => Math.abs(rmsDb(candidate) - rmsDb(reference)),
};
const spectral = { ...Object.fromEntries(Object.keys(heard).map((measure) => [measure, []])), seconds: [] };
for await (const sound of heldOut(Number(values.count))) {
  const made = invertBoth(sound);
  if (values.show !== undefined && spectral.seconds.length === 0) await show({ original: sound, classical: made.classical.samples, network: made.neural.samples });
  for (const [measure, of] of Object.entries(heard)) {
    spectral[measure].push(Object.fromEntries(Object.keys(vocoders).map((name) => [name, of({ reference: sound, candidate: made[name].samples })])));
  }
  spectral.seconds.push({ neural: made.neural.seconds, classical: made.classical.seconds });
}

const steadiness = { wobbleCents: [], levelWobbleDb: [], pitchedShare: [] };
for (const hz of NOTES_HZ) {
  const sound = sustainedNote(hz, found.mel.sampleRateHz);
  const made = invertBoth(sound);
  const middle = (samples) => pitchSteadiness(samples.subarray(LEAST_SAMPLES / 2, -LEAST_SAMPLES / 2), { sampleRateHz: found.mel.sampleRateHz, maxHz: 1.5 * hz, minHz: hz / 1.5 });
  const read = { original: middle(sound), neural: middle(made.neural.samples), classical: middle(made.classical.samples) };
  for (const measure of Object.keys(steadiness)) steadiness[measure].push(Object.fromEntries(Object.entries(read).map(([name, one]) => [name, one[measure]])));
}

const summary = (measures) => Object.fromEntries(Object.entries(measures).map(([measure, rows]) => [measure, summarise(rows)]));
console.log(JSON.stringify({ vocoder: vocoders.neural.name, classical: vocoders.classical.name, sounds: spectral.seconds.length, heldOut: summary(spectral), sustainedNotes: summary(steadiness) }, null, 2));

function invertBoth(sound) {
  const image = codec.analyse(sound);
  return Object.fromEntries(Object.entries(vocoders).map(([name, vocoder]) => {
    const startedAt = performance.now();
    const [samples] = vocoder.invert(image, { seed: 1, sampleCount: sound.length }).channels;
    return [name, { samples, seconds: (performance.now() - startedAt) / 1000 }];
  }));
}

async function show(sounds) {
  mkdirSync(values.show, { recursive: true });
  for (const [name, samples] of Object.entries(sounds)) await writeWav(join(values.show, `${name}.wav`), { sampleRateHz: found.mel.sampleRateHz, channels: [samples] }, { bitDepth: 16 });
  writeFileSync(join(values.show, 'spectra.png'), contactSheet(Object.values(sounds).map(highSpectrum), { columns: 1, gap: 8 }));
}

/** An image of 1 kHz up, as many bins as fit, for the eye. */
function highSpectrum(sound) {
  const stft = createStft({ fftSize: 2048, hopSamples: Math.max(64, Math.ceil(sound.length / 450)) });
  const { re, im, frameCount, binCount } = stft.forward(sound);
  const first = Math.round((1000 * 2048) / found.mel.sampleRateHz);
  const melBins = Math.min(240, binCount - first);
  const valueOf = (cell) => Math.min(1, Math.max(-1, (20 * Math.log10(Math.hypot(re[cell], im[cell]) * stft.fullScale + 1e-9) + 70) / 35));
  return { settings: { ...found.mel, melBins, floorDb: -105, ceilingDb: -35 }, frameCount, data: Float32Array.from({ length: melBins * frameCount }, (_, at) => valueOf((at % frameCount) * binCount + first + Math.floor(at / frameCount))) };
}

/** At most `count` sounds, spread evenly, none silent, each with silence up to a least length. */
async function* heldOut(count) {
  if (values.sounds !== undefined) {
    const names = readdirSync(values.sounds, { recursive: true }).filter((name) => /\.(wav|flac|aiff?|mp3|ogg)$/i.test(name)).toSorted();
    for (const name of evenly(names, count)) yield* audible(await loadMono(join(values.sounds, name), { sampleRateHz: found.mel.sampleRateHz, downmix: config.corpus.downmix }));
    return;
  }
  const corpus = await prepareCorpus({ config });
  const wanted = new Set(evenly(Array.from({ length: corpus.sliceCount('validation') }, (_, index) => index), count));
  for await (const { index, samples } of corpus.sounds('validation')) if (wanted.has(index)) yield* audible(samples);
  corpus.close();
}

function* audible(samples) {
  const sound = new Float32Array(Math.max(LEAST_SAMPLES, samples.length));
  sound.set(samples);
  if (sound.some((sample) => Math.abs(sample) > 1e-3)) yield sound;
}

function evenly(items, count) {
  return items.length <= count ? items : Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]);
}

/** Two seconds with twelve partials that fall by 6 dB an octave and decay together by 12 dB. */
function sustainedNote(hz, rate) {
  return Float32Array.from({ length: 2 * rate }, (_, index) => {
    const seconds = index / rate;
    let sum = 0;
    for (let partial = 1; partial <= 12 && partial * hz < rate / 2; partial += 1) sum += (0.15 / partial) * Math.sin(2 * Math.PI * partial * hz * seconds + partial * partial);
    return sum * Math.min(1, seconds / 0.01) * 10 ** (-6 * seconds / 20);
  });
}

/** A note in which no pitch is found has no wobble to count: pitchedShare tells. */
function summarise(all) {
  const rows = all.filter((row) => Object.values(row).every(Number.isFinite));
  if (rows.length === 0) return { pairs: 0 };
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const names = Object.keys(rows[0]);
  const differences = rows.map(({ neural, classical }) => neural - classical);
  const centre = mean(differences);
  const deviation = Math.sqrt(differences.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, differences.length - 1));
  return {
    pairs: rows.length,
    ...Object.fromEntries(names.map((name) => [name, round(mean(rows.map((row) => row[name])))])),
    difference: round(centre), interval95: round((1.96 * deviation) / Math.sqrt(differences.length)), neuralIsNearer: `${differences.filter((value) => value < 0).length} of ${differences.length}`,
  };
}

function round(value) {
  return Math.round(value * 1000) / 1000;
}
