// The figures and plots of a set of clips, as parts of a page. Knows no files.
import type { ClipMeasures } from './clip-measures.js';
import { decimals, renderTable, type PageFigure } from './page.js';
import { renderIntervalPlot, renderLinePlot, type PlotSeries } from './page-plot.js';
import type { MemorisationReport } from './memorisation.js';
import type { Spread } from './quantiles.js';
import type { Floor } from './score-floors.js';
import type { Compared, Score, SetReport } from './set-report.js';

export interface SetPageContent {
  readonly embedding: { readonly name: string; readonly description: string };
  readonly report: SetReport;
  readonly memorisation: (MemorisationReport & { readonly baseline: string }) | null;
  readonly nearestDb: Compared<readonly number[]>;
  readonly measures: Compared<readonly ClipMeasures[]>;
}

/** Figures in words, in the order they are read. */
export function setFigures({ embedding, report, memorisation }: SetPageContent): PageFigure[] {
  const { diversity, kernelDistance, frechetDistance, silentShare } = report;
  const { effectiveCount, withinLabel } = diversity;
  return [
    { name: 'Kernel audio distance', value: scoreText(kernelDistance), meaning: `100 · unbiased MMD² with a Gaussian kernel of σ = ${number(report.bandwidth)} on ${embedding.name}; 95 % by bootstrap. ${floorsText(kernelDistance)}` },
    { name: 'Fréchet distance', value: scoreText(frechetDistance), meaning: `Of normal distributions fitted to ${embedding.name}; grows when clips are few. ${floorsText(frechetDistance)}` },
    { name: 'Silent clips', value: percent(silentShare.clips), meaning: `Peak below −60 dBFS. Of the real clips: ${percent(silentShare.real)}.` },
    { name: 'Effective number of different clips', value: number(effectiveCount.clips), meaning: `Of ${diversity.countedClips} (Vendi score with the same kernel). ${effectiveCount.real === null ? '' : `As many real clips: ${number(effectiveCount.real)}.`}` },
    ...(withinLabel.clips === null || withinLabel.real === null ? [] : [{ name: 'Difference within a label', value: percent(withinLabel.clips / withinLabel.real), meaning: 'Mean distance between two clips of one label, as a share of that between real ones.' }]),
    { name: 'Clips that repeat another', value: percent(diversity.repeatedShare), meaning: 'Nearer to another clip of the set than 99 % of real clips are to another real one.' },
    ...(memorisation === null ? [] : [
      { name: 'Copies of training clips', value: percent(memorisation.copiedShare), meaning: `Less than ${memorisation.thresholdDb.toFixed(2)} dB from a training clip, at any gain and a shift of up to 4 frames: only 1 % of real clips (${memorisation.baseline}) are that near.` },
      { name: 'Nearer to training than real clips', value: percent(memorisation.nearerThanReal), meaning: `How often a clip is nearer to a training clip (median ${memorisation.medianDb.toFixed(1)} dB) than a real one is (${memorisation.realMedianDb.toFixed(1)} dB). 50 %: as new as real ones; 100 %: copies.` },
    ]),
  ];
}

/** For pages with these plots. */
export const SET_STYLE = '.plots { display: grid; gap: .8rem; } @media (min-width: 60rem) { .plots { grid-template-columns: 1fr 1fr; } }';

/** Plots and the table of spreads. HTML, which wants `SET_STYLE`. */
export function setPlots({ report, memorisation, nearestDb, measures }: SetPageContent): string {
  const finite = (values: readonly (number | null)[]): number[] => values.filter((value): value is number => value !== null && Number.isFinite(value));
  const levels = (set: readonly ClipMeasures[]): number[] => finite(set.map(({ peakDbfs, centroidHz }) => (centroidHz === null ? null : peakDbfs)));
  const centroids = (set: readonly ClipMeasures[]): number[] => finite(set.map(({ centroidHz }) => centroidHz));
  return [
    '<div class="plots">',
    scorePlot('Kernel audio distance: the clips (95 % by bootstrap), and what real clips score (middle nine tenths of the draws)', '100 · MMD²', report.kernelDistance),
    scorePlot('Fréchet distance: the clips, and what real clips score', 'Fréchet distance', report.frechetDistance),
    sharePlot('How near the nearest training clip is', 'distance / dB', nearestDb, memorisation === null ? 'real' : `real, ${memorisation.baseline}`),
    sharePlot('Peak levels', 'peak / dBFS', { clips: levels(measures.clips), real: levels(measures.real) }),
    sharePlot('Brightness', 'spectral centroid / Hz', { clips: centroids(measures.clips), real: centroids(measures.real) }),
    '</div>',
    renderTable({
      caption: 'Level, brightness and fine texture: quantiles', columns: ['', '5 %', '25 %', 'median', '75 %', '95 %'],
      rows: [
        ...spreadRows('Peak / dBFS', report.peakDbfs), ...spreadRows('RMS / dBFS', report.rmsDbfs), ...spreadRows('Centroid / Hz', report.centroidHz), ...spreadRows('Fine texture / dB', report.textureDb),
      ],
    }),
  ].filter((part) => part !== '').join('\n');
}

function scorePlot(title: string, xLabel: string, { value, interval, splitHalf, sameCount, heldOut }: Score): string {
  const floor = (name: string, one: Floor | null) => (one === null ? [] : [{ name: `${name} (${one.counts[0]})`, value: one.mean, low: one.low, high: one.high }]);
  return renderIntervalPlot({
    title, xLabel,
    rows: [
      { name: 'The clips', value, low: interval?.[0] ?? Number.NaN, high: interval?.[1] ?? Number.NaN },
      ...floor('Same count, real', sameCount),
      ...floor('Split half, real', splitHalf),
      ...(heldOut === null ? [] : [{ name: 'Held-out real clips', value: heldOut, low: Number.NaN, high: Number.NaN }]),
    ],
  });
}

/** The share of clips below each value. */
function sharePlot(title: string, xLabel: string, { clips, real }: Compared<readonly number[]>, realName = 'real'): string {
  const series = (name: string, values: readonly number[]): PlotSeries => {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
    return { name, points: sorted.flatMap((value, index) => [[value, (100 * index) / sorted.length] as const, [value, (100 * (index + 1)) / sorted.length] as const]) };
  };
  return renderLinePlot({ title: `${title}: share of clips below each value`, xLabel, yLabel: 'clips / %', series: [series('the clips', clips), series(realName, real)] });
}

function spreadRows(name: string, { clips, real }: Compared<Spread>): string[][] {
  const row = (whose: string, { count, p5, p25, median, p75, p95 }: Spread): string[] => [`${name}, ${whose}`, ...[p5, p25, median, p75, p95].map((value) => (count === 0 ? '–' : number(value)))];
  return [row('clips', clips), row('real', real)];
}

function scoreText({ value, interval }: Score): string {
  return interval === null ? number(value) : `${number(value)} [${interval.map(number).join(', ')}]`;
}

function floorsText({ splitHalf, sameCount, heldOut }: Score): string {
  const parts = [
    sameCount === null ? '' : `as many real clips (${sameCount.counts[0]}) score ${number(sameCount.low)} to ${number(sameCount.high)}`,
    splitHalf === null ? '' : `halves of the real set ${number(splitHalf.low)} to ${number(splitHalf.high)}`,
    heldOut === null ? '' : `held-out real clips ${number(heldOut)}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'Too few real clips for a reference.' : `Beside it: ${parts.join('; ')}.`;
}

/** Three or four digits that matter, with a true minus. */
export function number(value: number): string {
  return decimals(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
