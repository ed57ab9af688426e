// Compares the ways from a mel spectrogram back to sound: ours, librosa's mel_to_audio, torchaudio's InverseMelScale and GriffinLim. All get
// the same mel power and the same number of iterations. Not part of `npm test`. After `npm run build`:
//
//   node tests/vocoder/comparison/compare.mjs <folder> [--clips 2] [--rates 16000,22050,44100] [--bins 64,80,128,256,512] [--iterations 32] [--json F]
//     [--run <run folder with a vocoder, whose mel settings are then the only ones>] [--sustained <from>,<to>]
//
// Each folder below <folder> is one corpus. With --sustained the clips are notes, held between these seconds, and their pitch is read there. MELSTROM_PYTHON names a Python with the libraries of requirements.txt; without it only ours are compared.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const built = (path) => import(pathToFileURL(join(here, '../../../dist', path)).href);
const { createGriffinLimVocoder, createMelCodec, loadMono, melDistance, melSchema } = await built('index.js');
const { pitchSteadiness } = await built('evaluation/pitch-steadiness.js');
const { rmsDb } = await built('dsp/loudness.js');
const { startEngine } = await built('engine/start.node.js');
const { findVocoder, openVocoder } = await built('pipeline/vocoder-folder.node.js');
const { createNeuralVocoder } = await built('vocoder/neural-vocoder.js');
const { logSpectralDistance, multiResolutionDistance } = await built('evaluation/spectral-distances.js');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clips: { type: 'string', default: '2' }, rates: { type: 'string', default: '16000,22050,44100' }, bins: { type: 'string', default: '64,80,128,256,512' },
    iterations: { type: 'string', default: '32' }, methods: { type: 'string', default: '.' }, json: { type: 'string' },
    run: { type: 'string' }, sustained: { type: 'string' },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('compare: <folder>: got nothing, expected a folder that holds a folder of sounds per corpus');
const numbers = (text) => text.split(',').map(Number);
const iterations = Number(values.iterations);
const python = process.env.MELSTROM_PYTHON ?? '';

/** The first is what was done before this comparison was made. */
const OURS = {
  'fast, random, fixed': { method: 'fast', start: 'random', isRefined: false },
  'pghi alone': { iterations: 0 },
  'fast, pghi, fixed': { method: 'fast', isRefined: false },
  'accelerated, pghi, fixed': { method: 'accelerated', isRefined: false },
  'admm, pghi, fixed': { method: 'admm', isRefined: false },
  'staged, pghi, fixed': { method: 'staged', isRefined: false },
  'fast, pghi, refined': { method: 'fast' },
  'accelerated, pghi, refined': { method: 'accelerated' },
  'admm, pghi, refined': { method: 'admm' },
  'staged, random, refined': { start: 'random' },
  'staged, pghi, refined (default)': {},
};
let neural = null;
if (values.run !== undefined) {
  await startEngine('auto');
  const found = findVocoder(join(values.run, 'pipeline'), null);
  if (found === null) throw new Error(`compare: --run: got ${values.run}, which has no pipeline/vocoder, expected a run with one. Train it: melstrom train <config> --stage vocoder.`);
  neural = { mel: found.mel, vocoder: createNeuralVocoder(openVocoder(found), { iterations }) };
}
const methods = Object.entries(OURS).filter(([name]) => new RegExp(values.methods).test(name));

/** Windows of about 46 ms; a transform long enough that no mel bin is empty. */
function codecOf(sampleRateHz, melBins) {
  const windowSamples = sampleRateHz > 30_000 ? 2048 : 1024;
  for (let fftSize = windowSamples; ; fftSize *= 2) {
    try {
      return createMelCodec(melSchema.parse({ sampleRateHz, fftSize, windowSamples, hopSamples: windowSamples / 4, melBins, minHz: 20, maxHz: sampleRateHz / 2 }));
    } catch (error) {
      if (fftSize >= 16_384) throw error;
    }
  }
}

function chosenFiles(corpus) {
  const files = readdirSync(join(folder, corpus)).filter((name) => /\.(wav|flac|ogg|mp3|aiff?)$/i.test(name)).sort();
  const count = Math.min(Number(values.clips), files.length);
  return Array.from({ length: count }, (_, index) => join(folder, corpus, files[Math.floor((index * files.length) / count)]));
}

function invertOurs(tasks) {
  const rows = [];
  for (const [name, options] of [...methods, ...(neural === null ? [] : [['neural', null]])]) {
    const vocoders = new Map();
    for (const { codec, image, reference } of tasks) {
      if (!vocoders.has(codec)) {
        vocoders.set(codec, options === null ? neural.vocoder : createGriffinLimVocoder(codec.settings, { iterations, ...options }));
        vocoders.get(codec).invert(image); // fills caches
      }
      const startedAt = performance.now();
      const before = process.cpuUsage();
      const [sound] = vocoders.get(codec).invert(image, { sampleCount: reference.length }).channels;
      const { user, system } = process.cpuUsage(before);
      rows.push({ name, sound, milliseconds: performance.now() - startedAt, cpuMilliseconds: (user + system) / 1000 });
    }
  }
  return rows;
}

/** Hands the tasks over in files. The time is that of the inversion alone, without the start of Python. */
function invertTheirs(tasks) {
  const scratch = mkdtempSync(join(tmpdir(), 'melstrom-compare-'));
  try {
    const listed = tasks.map(({ codec, image, reference }, index) => {
      const { bank, mel } = codec.toMelTarget(image);
      writeFileSync(join(scratch, `${index}.mel`), mel);
      return { ...codec.settings, melBins: bank.melBins, frameCount: image.frameCount, sampleCount: reference.length, iterations };
    });
    writeFileSync(join(scratch, 'tasks.json'), JSON.stringify(listed));
    const { status, stdout, stderr } = spawnSync(python, [join(here, 'reference.py'), scratch], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (status !== 0) throw new Error(`reference.py: ${stderr.slice(-2000)}`);
    return JSON.parse(stdout.trim().split('\n').at(-1)).map(({ file, ...row }) => {
      const { buffer, byteOffset, length } = readFileSync(join(scratch, file));
      return { ...row, sound: new Float32Array(buffer.slice(byteOffset, byteOffset + length)) };
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function measure({ codec, image, reference }, sound) {
  const pair = { reference, candidate: sound };
  return {
    logSpectralDb: logSpectralDistance(pair), multiResolution: multiResolutionDistance(pair).distance,
    melErrorDb: melDistance(image, codec.analyse(sound)).activeErrorDb, levelDb: Math.abs(rmsDb(sound) - rmsDb(reference)), ...steadinessOf(codec.settings, pair),
  };
}

/** Deviation of the pitch about its median, and the share of readings with a pitch; nothing of a sound that has none itself. */
function steadinessOf({ sampleRateHz }, { reference, candidate }) {
  if (values.sustained === undefined) return {};
  const [from, to] = numbers(values.sustained).map((seconds) => Math.round(seconds * sampleRateHz));
  const [own, made] = [reference, candidate].map((samples) => pitchSteadiness(samples.subarray(from, to), { sampleRateHz }));
  return own.pitchedShare < 0.9 ? {} : { ownWobbleCents: own.wobbleCents, wobbleCents: made.wobbleCents, pitchedShare: made.pitchedShare, levelWobbleDb: made.levelWobbleDb };
}

const FIGURES = ['logSpectralDb', 'multiResolution', 'melErrorDb', 'levelDb', 'milliseconds', 'cpuMilliseconds', ...(values.sustained === undefined ? [] : ['ownWobbleCents', 'wobbleCents', 'pitchedShare', 'levelWobbleDb'])];
/** Over the clips that have the figure. */
const meanOf = (rows, figure) => {
  const known = rows.map((row) => row[figure]).filter(Number.isFinite);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
};
const results = [];
for (const sampleRateHz of neural === null ? numbers(values.rates) : [neural.mel.sampleRateHz]) {
  for (const melBins of neural === null ? numbers(values.bins) : [neural.mel.melBins]) {
    const codec = neural === null ? codecOf(sampleRateHz, melBins) : createMelCodec(neural.mel);
    for (const corpus of readdirSync(folder).sort()) {
      const tasks = [];
      for (const file of chosenFiles(corpus)) {
        const reference = await loadMono(file, { sampleRateHz, downmix: 'mean' });
        tasks.push({ codec, reference, image: codec.analyse(reference) });
      }
      const rows = [...invertOurs(tasks), ...(python === '' ? [] : invertTheirs(tasks))];
      for (const name of new Set(rows.map((row) => row.name))) {
        const measured = rows.filter((row) => row.name === name).map(({ sound, milliseconds, cpuMilliseconds }, index) => ({ ...measure(tasks[index], sound), milliseconds, cpuMilliseconds }));
        const means = Object.fromEntries(FIGURES.map((figure) => [figure, meanOf(measured, figure)]));
        results.push({ sampleRateHz, melBins, corpus, name, clips: measured.length, ...means });
        console.log([sampleRateHz, melBins, corpus, name.padEnd(32), ...FIGURES.map((figure) => `${figure} ${means[figure].toPrecision(3)}`)].join('  '));
      }
    }
  }
}
console.log(`\nmeans over all settings: ${FIGURES.join(', ')}`);
for (const corpus of new Set(results.map((row) => row.corpus))) {
  for (const name of new Set(results.map((row) => row.name))) {
    const rows = results.filter((row) => row.corpus === corpus && row.name === name);
    console.log([corpus.padEnd(10), name.padEnd(32), ...FIGURES.map((figure) => meanOf(rows, figure).toFixed(3))].join('  '));
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ iterations, results }, null, 1)}\n`);
