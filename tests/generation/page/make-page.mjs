// Makes the pages of examples: every operation on a trained run, with its command, input and settings, spectrograms and players. After a build:
//
//   node tests/generation/page/make-page.mjs --drums <run> [--steps N] --out <folder>
//   node tests/generation/page/make-page.mjs --notes <run> --corpus <folder of notes.py> [--steps N] --out <folder>
//
// The pages are <folder>/index.html of drums and <folder>/notes.html; their sounds lie in clips/, and pictures/ holds one small picture for each
// command. Nothing is chosen by ear.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const built = (path) => import(pathToFileURL(join(root, 'dist', path)).href);
const { contactSheet, createMelCodec, loadMono, renderPng, writeWav } = await built('index.js');
const { openRun } = await built('cli/open-run.js');
const { decimals, escapeHtml, renderLinks, renderPage, renderSection, renderTable, renderText } = await built('evaluation/page.js');
const { PLAYER_SCRIPT, renderPlayers } = await built('evaluation/page-player.js');

const { values } = parseArgs({ options: { drums: { type: 'string' }, notes: { type: 'string' }, corpus: { type: 'string' }, out: { type: 'string' }, steps: { type: 'string' } } });
for (const name of values.notes === undefined ? ['drums', 'out'] : ['corpus', 'out']) if (values[name] === undefined) throw new Error(`make-page: --${name}: got nothing, expected a folder`);
const work = mkdtempSync(join(tmpdir(), 'melstrom-page-'));
for (const folder of ['clips', 'pictures']) mkdirSync(join(values.out, folder), { recursive: true });

const drum = (name) => join(root, 'audio-samples', 'drum-run', `${name}.wav`);
/** Some seconds of a take of the corpus, as a file. */
async function cut(name, file, from, to) {
  const all = await loadMono(join(values.corpus, file), { sampleRateHz: 22_050, downmix: 'mean' });
  const path = join(work, `${name}.wav`);
  await writeWav(path, { sampleRateHz: 22_050, channels: [all.slice(from * 22_050, to * 22_050)] }, { bitDepth: 24, force: true });
  return path;
}
const [chord, otherChord, long] = values.notes === undefined ? ['', '', ''] : [await cut('strings', 'strings/take-4.wav', 20, 22.1), await cut('choir', 'choir/take-4.wav', 20, 22.1), await cut('organ', 'organ/take-4.wav', 20, 25)];

const SEED = ['--seed', '1'];
/** Fewer network calls than the run's own, where the machine is slow. */
const stepsOf = (command) => (values.steps === undefined ? [] : command === 'morph' ? ['--sampler-steps', values.steps, '--rounds', '1'] : ['--steps', values.steps]);
const RUNS = [
  {
    name: 'drums', file: 'index.html', title: 'Drum hits', run: values.drums, other: ['notes.html', 'The same with a model of sound that goes on'],
    introduction: 'A model of single drum hits, each at the start of its 1.5 seconds. The sounds that go in were drawn by this project too (audio-samples/drum-run).',
    steps: [
      ['generate', 'New hits, one of each of four classes', [['generate', '--count', '4', ...SEED]]],
      ['vary', 'A snare, ever further away: strengths 0.25, 0.5 and 0.75', ['0.25', '0.5', '0.75'].map((strength) => ['vary', drum('snare'), '--strength', strength, '--label', 'snare', ...SEED])],
      ['fill', 'A crash with 0.2 to 0.6 s drawn anew, then with 2 to 8 kHz drawn anew', [['fill', drum('crash'), '--from', '0.2', '--to', '0.6', '--label', 'crash', ...SEED], ['fill', drum('crash'), '--low', '2000', '--high', '8000', '--label', 'crash', ...SEED]]],
      ['extend', 'A ride that goes on for 1.5 s, as one sound', [['extend', drum('ride'), '--seconds', '1.5', '--overlap', '0.5', '--label', 'ride', ...SEED]]],
      ['long', 'Six seconds of hand drums: hits in a row', [['generate', '--seconds', '6', '--label', 'hand-drum', '--count', '1', ...SEED]]],
      ['loop', 'A bar at 120 beats a minute, which goes on at its start', [['generate', '--loop', '--bpm', '120', '--bars', '1', '--label', 'kick', '--count', '2', ...SEED]]],
      ['morph', 'From a kick to a tom in five steps, then from a snare to a clap as they were drawn', [['morph', 'label:kick', 'label:tom', '--steps', '5', ...SEED], ['morph', drum('snare'), drum('clap'), '--steps', '5', ...SEED]]],
      ['combine', 'Half kick, half clap; and the same led away from crashes', [['combine', '--label', 'kick:0.5', '--label', 'clap:0.5', '--count', '2', ...SEED], ['combine', '--label', 'kick:0.5', '--label', 'clap:0.5', '--negative-label', 'crash', '--count', '2', ...SEED]]],
    ],
  },
  {
    name: 'notes', file: 'notes.html', title: 'Sustained notes', run: values.notes, other: ['index.html', 'The same with a model of drum hits'],
    introduction: 'A model of chords that are held into one another, by six instruments (configs/notes.yaml): a window begins anywhere within a sound, so what goes on, and where windows meet, is heard here. What goes in is cut from the corpus.',
    steps: [
      ['generate', 'Two seconds of each of six instruments', [['generate', '--count', '6', ...SEED]]],
      ['long', 'Thirty seconds of choir, drawn in windows that are denoised together', [['generate', '--seconds', '30', '--label', 'choir', '--count', '1', ...SEED]]],
      ['extend', 'The organ goes on for five seconds, and begins three seconds earlier', [['extend', long, '--seconds', '5', '--label', 'organ', ...SEED], ['extend', long, '--seconds', '3', '--before', '--label', 'organ', ...SEED]]],
      ['loop', 'Two bars at 100 beats a minute, which go on at their start', [['generate', '--loop', '--bpm', '100', '--bars', '2', '--label', 'pad', '--count', '1', ...SEED], ['generate', '--loop', '--bpm', '100', '--bars', '2', '--label', 'organ', '--count', '1', ...SEED]]],
      ['fill', 'Five seconds of organ with 2 to 3 s drawn anew, then strings with 300 to 1500 Hz drawn anew', [['fill', long, '--from', '2', '--to', '3', '--label', 'organ', ...SEED], ['fill', chord, '--low', '300', '--high', '1500', '--label', 'strings', ...SEED]]],
      ['vary', 'Chords of strings, ever further away: strengths 0.25, 0.5 and 0.75', ['0.25', '0.5', '0.75'].map((strength) => ['vary', chord, '--strength', strength, '--label', 'strings', ...SEED])],
      ['morph', 'From strings to choir, as they were recorded, in five steps; then from organ to flute', [['morph', chord, otherChord, '--steps', '5', ...SEED], ['morph', 'label:organ', 'label:flute', '--steps', '5', ...SEED]]],
      ['combine', 'Half organ, half strings', [['combine', '--label', 'organ:0.5', '--label', 'strings:0.5', '--count', '3', ...SEED]]],
    ],
  },
];

let count = 0;
let prefix = '';
/** Copies a sound to the page as 16 bits, with its picture. */
async function put(path, title, codec) {
  const name = `${prefix}${String((count += 1)).padStart(3, '0')}-${basename(path, '.wav').normalize('NFKD').replace(/[^\w.-]+/g, '-')}`;
  const samples = await loadMono(path, { sampleRateHz: codec.settings.sampleRateHz, downmix: 'mean' });
  const image = codec.analyse(samples);
  await writeWav(join(values.out, 'clips', `${name}.wav`), { sampleRateHz: codec.settings.sampleRateHz, channels: [samples] }, { bitDepth: 16, onClip: 'normalise', force: true });
  writeFileSync(join(values.out, 'clips', `${name}.png`), renderPng(image));
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return { image, clip: { title, audio: `clips/${name}.wav`, picture: `clips/${name}.png`, note: `${(samples.length / codec.settings.sampleRateHz).toFixed(2)} s, peak ${decimals(20 * Math.log10(peak), 1)} dBFS` }, name };
}

/** Runs a command as a user would, and returns what it wrote. */
function melstrom(words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...words, '--json', '--quiet'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`melstrom ${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout).files;
}

const SHOWN = ['seed', 'label', 'sampler', 'steps', 'guidance', 'overlap', 'durationSeconds', 'vocoder'];
/** What a record says that the command does not. */
function settingsRow(file, record) {
  const own = record.operationSettings ?? record.extension ?? {};
  const more = Object.entries(own).filter(([key]) => !['input', 'mix', 'from', 'to', 'seed'].includes(key)).map(([key, value]) => `${key} ${typeof value === 'object' && value !== null ? JSON.stringify(value) : typeof value === 'number' ? Number(value.toFixed(4)) : value}`);
  return [file, ...SHOWN.map((key) => (record[key] === null || record[key] === undefined ? '–' : String(typeof record[key] === 'number' ? Number(record[key].toFixed(3)) : record[key]))), more.join(', ')];
}

function writePage(file, other, sections) {
  writeFileSync(join(values.out, file), renderPage({
    title: 'Melstrom: what can be done with a trained model',
    introduction: 'Each command with what goes in, what comes out, and its settings. Time runs to the right, frequency upwards. No clip was chosen: each is what its command drew first.',
    body: [`<p><a href="${other[0]}">${escapeHtml(other[1])}</a></p>`, renderLinks(sections), ...sections.map(({ isFirst, introduction: said, body, ...section }) => renderSection({ ...section, body: isFirst ? `<p>${escapeHtml(said)}</p>\n${body}` : body }))].join('\n'),
    script: PLAYER_SCRIPT,
    style: '.clips { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }',
  }));
}

for (const { name, file, title, run, other, introduction, steps } of RUNS.filter((one) => one.run !== undefined)) {
  const sections = [];
  count = 0;
  prefix = name === 'drums' ? '' : `${name}-`;
  const { pipeline } = await openRun(run);
  const codec = createMelCodec(pipeline.mel);
  for (const [operation, heading, commands] of steps) {
    const blocks = [];
    const images = [];
    const inputs = new Map();
    const rows = [];
    const shownWords = [];
    const players = [];
    for (const [index, [command, ...words]] of commands.entries()) {
      const out = join(work, name, operation, String(index));
      for (const word of words) if (word.endsWith('.wav') && !inputs.has(word)) inputs.set(word, await put(word, `input: ${basename(word, '.wav')}`, codec));
      const files = melstrom([command, run, ...words, ...stepsOf(command), '--out', out]);
      shownWords.push(['melstrom', command, `runs/${name}`, ...words.map((word) => (word.endsWith('.wav') ? basename(word) : word)), ...stepsOf(command), '--out', 'D'].join(' '));
      for (const { wav, json } of files) {
        const record = JSON.parse(readFileSync(json, 'utf8'));
        const varied = record.operationSettings?.strength;
        const label = `${basename(wav, '.wav')}${operation === 'vary' ? `, strength ${varied}` : ''}`;
        const made = await put(wav, label, codec);
        players.push(made);
        rows.push(settingsRow(label, record));
      }
    }
    const all = [...inputs.values(), ...players];
    images.push(...all.map(({ image }) => image));
    writeFileSync(join(values.out, 'pictures', `${name}-${operation}.png`), contactSheet(images, { scale: operation === 'long' ? 1 : 2, gap: 8, columns: operation === 'long' || operation === 'extend' ? 1 : Math.min(6, images.length) }));
    blocks.push(renderText(shownWords.join('\n')));
    blocks.push(renderPlayers(all.map(({ clip }) => clip)));
    blocks.push(renderTable({ columns: ['clip', ...SHOWN, 'operation'], rows }).replace('<div', '<details><summary>Settings</summary><div') + '</details>');
    sections.push({ id: `${name}-${operation}`, title: `${title}: ${operation === 'long' ? 'any length' : operation}`, body: `<p>${escapeHtml(heading)}.</p>\n${blocks.join('\n')}`, isFirst: operation === steps[0][0], introduction });
    writePage(file, other, sections); // after each, so that what is there can be seen
    console.log(`${name} ${operation}: ${players.length} clips`);
  }
  pipeline.dispose();
  console.log(`${count} sounds in ${relative(process.cwd(), values.out) || '.'}`);
}
rmSync(work, { recursive: true, force: true });
