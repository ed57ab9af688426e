// An analysis in words, tables and a plot: on the terminal and on a page.
import { decimals, escapeHtml, renderLinks, renderPage, renderSection, renderTable, type PageTable } from '../page.js';
import { renderIntervalPlot } from '../page-plot.js';
import type { Analysis } from './analyse.js';
import type { MushraAnalysis } from './analyse-mushra.js';

interface Part {
  readonly title: string;
  readonly plot?: string;
  readonly table: PageTable;
  /** What the numbers are, and what they don't say. */
  readonly notes: readonly string[];
}

/** The analysis as a page. */
export function renderAnalysisPage(analysis: Analysis): string {
  const sections = partsOf(analysis).map(({ title, plot = '', table, notes }, index) => ({
    id: `part-${index}`, title, body: `${plot}\n${renderTable(table)}\n${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}`,
  }));
  const body = [renderLinks(sections), ...sections.map(renderSection)].join('\n');
  return renderPage({ title: `${analysis.title}: results`, introduction: `${nameOf(analysis)} by ${plural(analysis.listeners.length, 'listener')}. Test ${analysis.id}.`, body });
}

/** The analysis as lines of text. */
export function describeAnalysis(analysis: Analysis): string[] {
  const head = `${analysis.title}: ${nameOf(analysis)} by ${plural(analysis.listeners.length, 'listener')}`;
  return [head, ...partsOf(analysis).flatMap(({ title, table, notes }) => ['', title, ...textTable(table), ...notes])];
}

function partsOf(analysis: Analysis): Part[] {
  const own = analysis.mushra !== undefined ? mushraParts(analysis.mushra) : analysis.abx !== undefined ? [abxPart(analysis.abx)] : [preferencePart(analysis.preference!)];
  const unfinished = analysis.listeners.filter(({ isFinished }) => !isFinished).length;
  return [...own, {
    title: 'Listeners',
    table: { columns: ['Listener', 'Minutes', 'Equipment'], rows: analysis.listeners.map(({ listener, minutes, equipment }) => [listener, fixed(minutes, 1), equipment || '–']) },
    notes: unfinished === 0 ? [] : [`${plural(unfinished, 'listener')} stopped before the end; what was answered is counted.`],
  }];
}

function mushraParts({ conditions, screening, comparisons, byItem, unit, outliers, easyItems }: MushraAnalysis): Part[] {
  const excluded = screening.filter(({ isExcluded }) => isExcluded);
  const kept = screening.length - excluded.length;
  const smallest = unit === 'listeners' ? 2 ** (1 - Math.max(1, kept)) : 2 ** (1 - byItem.length);
  return [{
    title: 'Scores',
    plot: renderIntervalPlot({ title: 'Mean score with its 95 % interval; the small dots are listeners', xLabel: 'score', range: [0, 100], rows: conditions.map(({ condition, mean, intervalLow, intervalHigh, listenerMeans }) => ({ name: condition, value: mean, low: intervalLow, high: intervalHigh, dots: listenerMeans })) }),
    table: {
      columns: ['Condition', 'Median', 'Quartiles', 'Mean', '95 % interval', 'Listeners'],
      rows: conditions.map((one) => [one.condition, fixed(one.median, 1), `${fixed(one.low, 1)} to ${fixed(one.high, 1)}`, fixed(one.mean, 1), Number.isFinite(one.intervalLow) ? `${fixed(one.intervalLow, 1)} to ${fixed(one.intervalHigh, 1)}` : '–', String(one.listenerMeans.length)]),
    },
    notes: [
      'Median and quartiles are over all ratings; mean and interval (Student’s t) are over the listeners’ means.',
      ...(kept === 0 ? ['No listener passed the screening: these are the scores of all, and they say little.'] : []),
      ...(conditions.some(({ listenerMeans }) => listenerMeans.length === 1) ? ['One listener has no interval: nothing is known of others.'] : []),
    ],
  }, {
    title: 'Differences',
    table: { columns: ['First', 'Second', 'Difference', 'p', 'p, all comparisons'], rows: comparisons.map(({ first, second, difference, p, adjustedP }) => [first, second, fixed(difference, 1), chance(p), chance(adjustedP)]) },
    notes: [`Two-sided test of randomisation over ${unit}, the last column after Holm.${unit === 'items' ? ' It speaks of this listener alone.' : ''}${smallest > 0.05 ? ` With so few ${unit} p can't fall below ${chance(smallest)}.` : ''}`],
  }, {
    title: 'Screening of listeners',
    table: {
      columns: ['Listener', 'Items', 'Hidden reference below 90', '7 kHz anchor above 90', 'Verdict'],
      rows: screening.map(({ listener, itemCount, lowReferences, highAnchors, isExcluded }) => [listener, String(itemCount), String(lowReferences), String(highAnchors), isExcluded ? 'left out' : 'kept']),
    },
    notes: [
      `ITU-R BS.1534-3 leaves out who scores the hidden reference below 90, or the 7 kHz anchor above 90, at more than 15 % of the items: ${excluded.length} of ${screening.length} here.`,
      ...(easyItems.length === 0 ? [] : [`More than a quarter of the listeners scored the 7 kHz anchor above 90 at ${easyItems.join(', ')}: these items are held against nobody, since the anchor takes too little from them.`]),
      ...(outliers.length === 0 ? [] : [`${plural(outliers.length, 'rating')} beyond 1.5 interquartile ranges, all kept: ${outliers.slice(0, 8).map(({ listener, item, condition, score }) => `${listener}, ${item}, ${condition}: ${score}`).join('; ')}${outliers.length > 8 ? '; …' : ''}. Ask why before you remove any.`]),
    ],
  }, {
    title: 'Medians by item',
    table: { columns: ['Item', ...conditions.map(({ condition }) => condition)], rows: byItem.map(({ item, conditions: own }) => [item, ...own.map(({ median }) => fixed(median, 1))]) },
    notes: [],
  }];
}

function abxPart({ pairs }: NonNullable<Analysis['abx']>): Part {
  const row = (name: string, one: { correct: number; count: number; low: number; high: number; p: number }, adjusted: string): string[] =>
    [name, `${one.correct} of ${one.count}`, percent(one.correct / one.count), `${percent(one.low)} to ${percent(one.high)}`, chance(one.p), adjusted];
  const hasMany = pairs.some(({ listeners }) => listeners.length > 1);
  return {
    title: 'Correct answers',
    plot: renderIntervalPlot({ title: 'Share of correct answers with its exact 95 % interval; the line is guessing, the small dots are listeners', xLabel: 'share correct', range: [0, 1], mark: 0.5, rows: pairs.map(({ pair, correct, count, low, high, listeners }) => ({ name: pair, value: correct / count, low, high, dots: listeners.map((one) => one.correct / one.count) })) }),
    table: {
      columns: ['Pair', 'Correct', 'Share', '95 % interval', 'p', 'p, all pairs'],
      rows: pairs.flatMap((one) => [row(one.pair, one, chance(one.adjustedP)), ...(hasMany ? one.listeners.map((own) => row(`${one.pair}: ${own.listener}`, own, '–')) : [])]),
    },
    notes: ['p is the exact chance of at least as many correct answers by guessing; the last column holds all pairs against it (Holm). Few trials prove little: who is right three times in four passes 0.05 in 63 of 100 tests of 16 trials.'],
  };
}

function preferencePart({ pairs }: NonNullable<Analysis['preference']>): Part {
  return {
    title: 'Preferences',
    plot: renderIntervalPlot({ title: 'Share of votes for the first of each pair with its exact 95 % interval; the line is no preference', xLabel: 'share for the first', range: [0, 1], mark: 0.5, rows: pairs.map(({ pair, votesFirst, votesSecond, low, high }) => ({ name: pair, value: votesFirst / (votesFirst + votesSecond), low, high })) }),
    table: {
      columns: ['Pair', 'For the first', 'For the second', 'Neither', 'Share for the first, 95 %', 'p of votes', 'p, all pairs', 'Listeners', 'p of listeners'],
      rows: pairs.map((one) => [one.pair, String(one.votesFirst), String(one.votesSecond), String(one.votesNone), `${percent(one.low)} to ${percent(one.high)}`, chance(one.p), chance(one.adjustedP), `${one.listenersFirst} : ${one.listenersSecond}`, chance(one.listenerP)]),
    },
    notes: ['Two-sided exact sign tests; votes for neither are left out. p of votes asks whether these listeners prefer anything, p of listeners whether others would.'],
  };
}

function nameOf({ kind }: Analysis): string {
  return { mushra: 'MUSHRA', abx: 'ABX', preference: 'Preference' }[kind];
}

function textTable({ columns, rows }: PageTable): string[] {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index].length)));
  return [columns, ...rows].map((row) => row.map((cell, index) => cell.padEnd(widths[index])).join('  ').trimEnd());
}

function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? decimals(value, digits) : '–';
}

function percent(share: number): string {
  return `${fixed(100 * share, 1)} %`;
}

function chance(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
