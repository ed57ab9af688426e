// Writes the reconstruction ladder of some files: verdict, sums, and every rung to hear and see, worst files first.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { judgeLadder, type LadderVerdict } from '../evaluation/ladder-verdict.js';
import { melDistance } from '../evaluation/mel-distance.js';
import { encodePath, escapeHtml, renderLinks, renderPage, renderSection, renderTable } from '../evaluation/page.js';
import { PLAYER_SCRIPT, renderPlayers } from '../evaluation/page-player.js';
import { renderIntervalPlot } from '../evaluation/page-plot.js';
import { RUNGS, summariseRung, type Estimate, type RungFigures, type RungName, type RungSummary } from '../evaluation/rung-figures.js';
import { safeLabel } from '../generation/index.js';
import { reportInversion } from '../vocoder/inversion-report.js';
import { renderDifferencePng } from '../spectrogram/render-difference.js';
import { rungsOf, type Ladder } from './climb-ladder.js';
import { createClipWriter, writeWholeReport } from './write-report.js';

const DIFFERENCE_DB = 20;
const TITLES: Readonly<Record<RungName, string>> = {
  codec: 'Mel image with the original’s phase', inverted: 'Mel image, inverted', vae: 'Through the autoencoder, inverted',
};
const FIGURES: readonly { readonly key: keyof RungFigures; readonly title: string; readonly digits: number; readonly scale?: number }[] = [
  { key: 'logSpectralDb', title: 'Log-spectral distance / dB', digits: 2 },
  { key: 'multiResolution', title: 'Multi-resolution STFT distance', digits: 3 },
  { key: 'melErrorDb', title: 'Mel error / dB', digits: 2 },
  { key: 'textureKept', title: 'Fine texture kept / %', digits: 0, scale: 100 },
  { key: 'levelDifferenceDb', title: 'Level difference / dB', digits: 2 },
  { key: 'widthDifferenceDb', title: 'Width difference / dB', digits: 2 },
  { key: 'bandwidthKept', title: 'Bandwidth kept / %', digits: 0, scale: 100 },
  { key: 'onsetErrorMs', title: 'Onset error / ms', digits: 2 },
];

export interface LadderNumbers {
  readonly verdict: LadderVerdict;
  readonly summary: Partial<Record<RungName, RungSummary>>;
  /** Worst first. */
  readonly files: readonly FileNumbers[];
}

export interface FileNumbers {
  readonly name: string;
  /** Mel image → sound → mel image. Unit: dB. */
  readonly inversionErrorDb: number;
  /** How near the inverted sound came to the mel image. Unit: dB, lower is nearer; null for silence. */
  readonly spectralConvergenceDb: number | null;
  /** Through the autoencoder, before inversion. Unit: dB; null on pixels. */
  readonly vaeErrorDb: number | null;
  readonly rungs: Partial<Record<RungName, RungFigures>>;
}

/** Files by what their last rung has lost, worst first; silent ones last. */
export function worstFirst(ladders: readonly Ladder[]): Ladder[] {
  const loss = ({ rungs }: Ladder): number => rungs[rungs.length - 1].figures.logSpectralDb;
  return [...ladders].sort((a, b) => (Number.isNaN(loss(b)) ? 0 : loss(b)) - (Number.isNaN(loss(a)) ? 0 : loss(a)));
}

/** All numbers of a report. */
export function ladderNumbers(ladders: readonly Ladder[]): LadderNumbers {
  const files = worstFirst(ladders).map((ladder) => {
    const rungs = rungsOf(ladder);
    const inverted = ladder.rungs.find(({ name }) => name === 'inverted');
    const spectralConvergenceDb = inverted === undefined ? null : reportInversion(ladder.image, inverted.clip).spectralConvergenceDb;
    return { name: ladder.name, inversionErrorDb: rungs.inverted?.melErrorDb ?? Number.NaN, spectralConvergenceDb, vaeErrorDb: ladder.vaeImage === null ? null : melDistance(ladder.image, ladder.vaeImage).activeErrorDb, rungs };
  });
  const present = RUNGS.filter((rung) => files.some(({ rungs }) => rungs[rung] !== undefined));
  const summary = Object.fromEntries(present.map((rung) => [rung, summariseRung(files.flatMap(({ rungs }) => rungs[rung] ?? []))]));
  return { verdict: judgeLadder(files.map(({ rungs }) => rungs)), summary, files };
}

/** Writes the folder beside its final place and moves it there whole. Returns the page's path. */
export async function writeLadder(folder: string, ladders: readonly Ladder[], numbers: LadderNumbers): Promise<string> {
  return writeWholeReport(folder, async (temporary) => {
    const sections = [];
    for (const [index, ladder] of worstFirst(ladders).entries()) sections.push({ id: `file-${index + 1}`, title: ladder.name, body: await renderLadder(temporary, `${index + 1}-${safeLabel(ladder.name)}`, ladder) });
    const body = [renderVerdict(numbers), renderLinks(sections), ...sections.map(renderSection)].join('\n');
    await writeFile(join(temporary, 'index.html'), renderPage({
      title: 'Reconstruction ladder', body, script: PLAYER_SCRIPT,
      introduction: 'Each file as recorded, as its mel image holds it (with the phase given), as inversion finds it, and through the autoencoder. What one rung loses, no later one can bring back. Worst files first.',
    }));
    await writeFile(join(temporary, 'figures.json'), `${JSON.stringify(numbers, null, 2)}\n`);
  });
}

function renderVerdict({ verdict, summary, files }: LadderNumbers): string {
  const present = RUNGS.filter((rung) => summary[rung] !== undefined);
  return renderSection({ id: 'verdict', title: 'What limits the sound', body: [
    verdict.sentences.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join('\n'),
    renderIntervalPlot({
      title: 'What each rung adds to the log-spectral distance, with 95 % intervals over files', xLabel: 'added / dB', mark: 0,
      rows: verdict.losses.map(({ rung, addedDb }) => ({ name: SHORT[rung], value: addedDb.mean, low: addedDb.interval?.[0] ?? Number.NaN, high: addedDb.interval?.[1] ?? Number.NaN })),
    }),
    renderTable({
      caption: `Against the original: mean over ${files.length} files, with 95 % intervals`, columns: ['', ...present.map((rung) => TITLES[rung])],
      rows: FIGURES.flatMap((figure) => (present.every((rung) => summary[rung]![figure.key] === undefined) ? [] : [[figure.title, ...present.map((rung) => estimateText(summary[rung]![figure.key]!, figure))]])),
    }),
  ].join('\n') });
}

const SHORT: Readonly<Record<RungName, string>> = { codec: 'Codec settings', inverted: 'Inverter', vae: 'Autoencoder' };

async function renderLadder(folder: string, base: string, { image, original, rungs }: Ladder): Promise<string> {
  const put = createClipWriter(folder);
  const players = [{ ...await put(`${base}-original`, image, original), title: 'Original' }];
  const differences: string[] = [];
  for (const { name, clip, image: heard } of rungs) {
    players.push({ ...await put(`${base}-${name}`, heard, clip), title: TITLES[name] });
    const picture = `clips/${base}-${name}-difference.png`;
    await writeFile(join(folder, picture), renderDifferencePng(image, heard, { scale: 2, rangeDb: DIFFERENCE_DB }));
    differences.push(`<figure class="player"><img src="${encodePath(picture)}" alt="Where ${escapeHtml(TITLES[name])} differs from the original" loading="lazy"><figcaption>Difference: ${escapeHtml(TITLES[name])}<span>blue softer, orange louder, full colour at ${DIFFERENCE_DB} dB</span></figcaption></figure>`);
  }
  return [
    renderPlayers(players),
    `<h3>Differences from the original</h3>\n<div class="clips">\n${differences.join('\n')}\n</div>`,
    renderTable({ columns: ['', ...rungs.map(({ name }) => TITLES[name])], rows: FIGURES.flatMap((figure) => (rungs.every(({ figures }) => figures[figure.key] === undefined) ? [] : [[figure.title, ...rungs.map(({ figures }) => text(figures[figure.key]!, figure))]])) }),
  ].join('\n');
}

function estimateText({ mean, interval }: Estimate, figure: (typeof FIGURES)[number]): string {
  return interval === null ? text(mean, figure) : `${text(mean, figure)} [${interval.map((end) => text(end, figure)).join(', ')}]`;
}

function text(value: number, { digits, scale = 1 }: (typeof FIGURES)[number]): string {
  return Number.isFinite(value) ? (value * scale).toFixed(digits).replace('-', '−') : '–';
}
