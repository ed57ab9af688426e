// Writes what is said of a set of clips into a report: figures, plots, and the pairs to listen to for copies.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CorpusConfig } from '../config/corpus.js';
import { escapeHtml, renderFigures, renderPage, renderSection, renderText, type PageFigure } from '../evaluation/page.js';
import { PLAYER_SCRIPT, renderPlayers } from '../evaluation/page-player.js';
import { findingsOf } from '../evaluation/set-findings.js';
import { SET_STYLE, setFigures, setPlots } from '../evaluation/set-page.js';
import { safeLabel } from '../generation/index.js';
import type { SetEvaluation } from './evaluate-sets.js';
import { soundOf } from './real-sounds.js';
import { createClipWriter, writeWholeReport } from './write-report.js';

/** Pairs that a page shows. */
const SHOWN_PAIRS = 12;

/** What is printed and stored: everything but the sounds. */
export function setNumbers({ embedding, report, memorisation, pairs }: SetEvaluation) {
  return {
    embedding, ...report, memorisation,
    findings: findingsOf(report, memorisation),
    nearest: pairs.map(({ clip, slice, distanceDb }) => ({ clip: clip.name, training: slice.file, offsetFrames: slice.offsetFrames, distanceDb })),
  };
}

/** Findings, plots and pairs as HTML; the pairs' sounds go into `clips/` of the folder. */
export async function renderSets(folder: string, sets: SetEvaluation, source: CorpusConfig): Promise<string> {
  const put = createClipWriter(folder);
  const findings = findingsOf(sets.report, sets.memorisation).map(({ isFault, text }) => `<li>${isFault ? '<strong>To mend:</strong> ' : ''}${escapeHtml(text)}</li>`);
  const rows: string[] = [];
  for (const [index, { clip, slice, distanceDb }] of sets.pairs.slice(0, SHOWN_PAIRS).entries()) {
    const base = `pair-${index + 1}`;
    const players = [await put(`${base}-clip-${safeLabel(clip.name)}`, clip.image, clip.clip), await put(`${base}-training-${safeLabel(slice.file)}`, slice.image(), await soundOf(slice, source))];
    const [left, right] = players;
    rows.push(`<h3>${distanceDb.toFixed(2)} dB apart</h3>\n${renderPlayers([{ ...left, title: clip.name }, { ...right, title: `training: ${slice.file}` }])}`);
  }
  return [
    renderSection({ id: 'sets', title: 'The clips as a set', body: `<ul>${findings.join('\n')}</ul>\n${setPlots(sets)}\n${renderText(`${sets.embedding.name}: ${sets.embedding.description}`, 'The embedding')}` }),
    renderSection({ id: 'pairs', title: 'Nearest pairs: is one a copy of the other?', body: `<p>The clips nearest to a training clip, each beside it. Differences of gain and of up to 4 frames do not count.</p>\n${rows.join('\n')}` }),
  ].join('\n');
}

export interface SetReportOptions {
  readonly folder: string;
  readonly title: string;
  readonly introduction: string;
  readonly sets: SetEvaluation;
  readonly source: CorpusConfig;
  /** Beside those of the set. */
  readonly figures: readonly PageFigure[];
  readonly numbers: unknown;
}

/** Writes the report of a folder of clips. Returns the page's path. */
export async function writeSetReport({ folder, title, introduction, sets, source, figures, numbers }: SetReportOptions): Promise<string> {
  return writeWholeReport(folder, async (temporary) => {
    const body = `${renderFigures([...setFigures(sets), ...figures])}\n${await renderSets(temporary, sets, source)}`;
    await writeFile(join(temporary, 'index.html'), renderPage({ title, introduction, body, script: PLAYER_SCRIPT, style: SET_STYLE }));
    await writeFile(join(temporary, 'figures.json'), `${JSON.stringify(numbers, null, 2)}\n`);
  });
}
