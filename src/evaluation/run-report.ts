// The report of a training run: how its losses went, what it drew on the way, on what data and with what settings. Pure: numbers and names in, HTML out.
import { encodePath, escapeHtml, renderFigures, renderLinks, renderPage, renderSection, renderTable, renderText, type PageFigure } from './page.js';
import { PLAYER_SCRIPT, renderPlayer, type PageClip } from './page-player.js';
import { renderLinePlot } from './page-plot.js';

type Points = readonly (readonly [number, number])[];

/** What was made at one step. */
export interface ReportPreview {
  readonly step: number;
  /** A clip with its picture, or a picture alone. Paths relative to the page, or data URIs. */
  readonly things: readonly (PageClip | Omit<PageClip, 'audio'>)[];
}

export interface ReportStage {
  /** For example `autoencoder`. */
  readonly name: string;
  /** Optimiser steps done, and asked for. */
  readonly step: number;
  readonly steps: number;
  /** Tag → [step, value]: `train/…` of every step, `validation/…` of every validation, `ladder/<rung>/<figure>` of every preview. */
  readonly numbers: ReadonlyMap<string, Points>;
  readonly previews: readonly ReportPreview[];
}

export interface RunReportContent {
  readonly title: string;
  /** When the page was written, in words. */
  readonly written: string;
  readonly stages: readonly ReportStage[];
  /** Slices for each label. */
  readonly data: readonly { readonly label: string; readonly train: number; readonly validation: number }[];
  readonly settings: string;
}

const STYLE = `
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .8rem; margin: 1rem 0; }
figure.sheet { max-width: 60rem; }
`;
/** Rungs that previews measure, from the least lost, and what of them. */
const LADDER_RUNGS = [{ rung: 'inverted', name: 'mel image, inverted' }, { rung: 'vae', name: 'through the autoencoder, inverted' }, { rung: 'vocoder', name: 'mel image, by the vocoder' }] as const;
const LADDER_FIGURES = [{ figure: 'logSpectralDb', title: 'Log-spectral distance of fixed clips' }, { figure: 'melErrorDb', title: 'Mel error of fixed clips' }] as const;
/** Points of a line; more would only make the page larger. */
const MOST_POINTS = 400;

/** Renders the page. */
export function renderRunReport({ title, written, stages, data, settings }: RunReportContent): string {
  const sections = [
    ...stages.flatMap((stage, index) => [
      { id: `losses-${index}`, title: `Losses of the ${stage.name}`, body: renderLosses(stage) },
      { id: `ladder-${index}`, title: `Ladder of the ${stage.name}`, body: renderLadder(stage) },
      { id: `previews-${index}`, title: `Previews of the ${stage.name}`, body: stage.previews.map(renderPreview).join('\n') },
    ]),
    { id: 'data', title: 'Data', body: renderTable({ caption: 'Slices of the corpus', columns: ['Label', 'Training', 'Validation'], rows: data.map(({ label, train, validation }) => [label, String(train), String(validation)]) }) },
    { id: 'settings', title: 'Settings', body: renderText(settings, 'The whole configuration') },
  ].filter((section) => section.body !== '');
  const body = [renderFigures(stages.flatMap(figuresOf)), renderLinks(sections), ...sections.map(renderSection)].join('\n');
  return renderPage({ title, introduction: `Written ${written}. Training rewrites this page at every checkpoint.`, body, script: PLAYER_SCRIPT, style: STYLE });
}

function figuresOf({ name, step, steps, numbers }: ReportStage): PageFigure[] {
  const validations = numbers.get('validation/loss') ?? [];
  const best = validations.reduce<readonly [number, number] | null>((least, point) => (least === null || point[1] < least[1] ? point : least), null);
  const rate = numbers.get('train/stepsPerSecond')?.at(-1)?.[1];
  return [
    { name: `Steps of the ${name}`, value: `${step} of ${steps}`, meaning: rate === undefined ? 'Optimiser steps done.' : `Optimiser steps done, at ${rate.toPrecision(3)} a second.` },
    ...(best === null ? [] : [{ name: `Best validation of the ${name}`, value: best[1].toPrecision(4), meaning: best[0] === validations.at(-1)?.[0] ? `At step ${best[0]}, the last one: it is still getting better.` : `At step ${best[0]}; at the last one, step ${validations.at(-1)![0]}, it was ${validations.at(-1)![1].toPrecision(4)}.` }]),
  ];
}

/** Training against validation for each figure that both have, then what is measured of one alone. */
function renderLosses({ numbers }: ReportStage): string {
  const names = [...new Set([...numbers.keys()].flatMap((tag) => /^(?:train|validation)\/(.*)/.exec(tag)?.[1] ?? []))].filter((name) => name !== 'stepsPerSecond');
  const plots = names.map((name) => {
    const series = [
      { name: 'training', points: thinned(numbers.get(`train/${name}`) ?? []) },
      { name: 'validation', points: thinned(numbers.get(`validation/${name}`) ?? []) },
    ].filter(({ points }) => points.length > 0);
    const only = series.length === 1 && series[0].name === 'validation' ? ' (validation)' : '';
    const isLog = series.flatMap(({ points }) => points).every(([, value]) => value > 0);
    return renderLinePlot({ title: `${name}${only}`, xLabel: 'step', yLabel: name, series, isLog });
  });
  return plots.every((plot) => plot === '') ? '<p>Nothing is logged yet.</p>' : `<div class="plots">${plots.join('\n')}</div>`;
}

/** How near fixed clips come to their recordings, rung by rung. */
function renderLadder({ numbers }: ReportStage): string {
  const plots = LADDER_FIGURES.map(({ figure, title }) => {
    const series = LADDER_RUNGS.flatMap(({ rung, name }) => {
      const points = numbers.get(`ladder/${rung}/${figure}`);
      return points === undefined ? [] : [{ name, points }];
    });
    return renderLinePlot({ title, xLabel: 'step', yLabel: 'dB', series });
  });
  if (plots.every((plot) => plot === '')) return '';
  return `<p>The same few clips at every preview, held out where there are such, against their recordings: means. A network that loses nothing reaches the line of the mel image inverted, and a vocoder may go below it.</p>\n<div class="plots">${plots.join('\n')}</div>`;
}

/** At most `MOST_POINTS` points, each the mean of those it stands for, at the last of their steps. */
export function thinned(points: Points): Points {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, index) => {
    const own = points.slice(index * size, (index + 1) * size);
    return [own[own.length - 1][0], own.reduce((sum, [, value]) => sum + value, 0) / own.length] as const;
  });
}

function renderPreview({ step, things }: ReportPreview): string {
  const hasSounds = things.some((thing) => 'audio' in thing);
  const body = things.map((thing) => ('audio' in thing ? renderPlayer(thing) : renderPicture(thing))).join('\n');
  return `<h3>Step ${step}</h3>\n${hasSounds || things.length > 1 ? `<div class="clips">\n${body}\n</div>` : body}`;
}

function renderPicture({ title, picture, note }: Omit<PageClip, 'audio'>): string {
  return `<figure class="sheet"><img src="${encodePath(picture)}" alt="${escapeHtml(title)}" loading="lazy"><figcaption>${escapeHtml(title)}${note === undefined ? '' : `<span>${escapeHtml(note)}</span>`}</figcaption></figure>`;
}
