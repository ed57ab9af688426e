// Planted answers: the analysis must say what was put in.
import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/evaluation/listening/analyse.js';
import { describeAnalysis, renderAnalysisPage } from '../../../src/evaluation/listening/analysis-page.js';
import type { ListeningResults, TestKind, TrialResult } from '../../../src/evaluation/listening/listening-test.js';
import { parseResults } from '../../../src/evaluation/listening/parse-results.js';
import { toCsv } from '../../../src/evaluation/listening/results.js';

function results(kind: TestKind, listener: string, trials: readonly Partial<TrialResult>[], over: Partial<ListeningResults> = {}): ListeningResults {
  return {
    format: 'melstrom-listening-results', version: 1, test: { id: 'abc', title: 'Planted', kind, seed: 1 }, listener, equipment: '', started: '2026-01-01T00:00:00.000Z', finished: '2026-01-01T00:10:00.000Z',
    trials: trials.map((trial, index) => ({ number: index + 1, item: `item ${index}`, seconds: 6, heard: [1, 1], ...trial })), ...over,
  };
}

/** Scores for ten items; `over` replaces those of one condition. */
function mushra(listener: string, { reference = [100], mid = [50], good = 80, poor = 30 }: { reference?: number[]; mid?: number[]; good?: number; poor?: number } = {}): ListeningResults {
  return results('mushra', listener, Array.from({ length: 10 }, (_, item) => ({
    item: `item ${item}`,
    ratings: [
      { condition: 'hidden reference', score: reference[item % reference.length] }, { condition: 'anchor 3.5 kHz', score: 10 }, { condition: 'anchor 7 kHz', score: mid[item % mid.length] },
      { condition: 'good', score: good }, { condition: 'poor', score: poor },
    ],
  })));
}

function onItems(value: number, elsewhere: number, count: number): number[] {
  return Array.from({ length: 10 }, (_, index) => (index < count ? value : elsewhere));
}

describe('screening after BS.1534', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((name) => mushra(name));
  const verdictOf = (odd: ListeningResults): boolean => analyse([...five, odd]).mushra!.screening.find(({ listener }) => listener === 'odd')!.isExcluded;

  it('leaves out who scores the hidden reference below 90 at more than 15 % of the items', () => {
    expect(verdictOf(mushra('odd', { reference: onItems(89, 100, 1) }))).toBe(false);
    expect(verdictOf(mushra('odd', { reference: onItems(89, 100, 2) }))).toBe(true);
    expect(verdictOf(mushra('odd', { reference: onItems(90, 100, 10) }))).toBe(false);
  });

  it('leaves out who scores the 7 kHz anchor above 90 at more than 15 % of the items', () => {
    expect(verdictOf(mushra('odd', { mid: onItems(91, 50, 1) }))).toBe(false);
    expect(verdictOf(mushra('odd', { mid: onItems(91, 50, 2) }))).toBe(true);
    expect(verdictOf(mushra('odd', { mid: onItems(90, 50, 10) }))).toBe(false);
  });

  it('holds items against nobody whose anchor more than a quarter found excellent', () => {
    const { mushra: analysis } = analyse([...five.slice(0, 3), mushra('odd', { mid: onItems(95, 50, 2) }), mushra('other', { mid: onItems(95, 50, 2) })]);
    expect(analysis!.easyItems).toEqual(['item 0', 'item 1']);
    expect(analysis!.screening.map(({ isExcluded, highAnchors }) => [isExcluded, highAnchors])).toEqual(Array.from({ length: 5 }, () => [false, 0]));
  });

  it('keeps those left out from the scores', () => {
    const { mushra: analysis } = analyse([...five, mushra('odd', { reference: [0], good: 0 })]);
    expect(analysis!.conditions.map(({ condition, mean, median }) => [condition, mean, median])).toEqual([['hidden reference', 100, 100], ['good', 80, 80], ['anchor 7 kHz', 50, 50], ['poor', 30, 30], ['anchor 3.5 kHz', 10, 10]]);
    expect(analysis!.conditions[1].listenerMeans).toHaveLength(5);
  });
});

describe('MUSHRA', () => {
  const six = [81, 79, 85, 70, 77, 90].map((good, index) => mushra(`l${index}`, { good, poor: good - 10 - index }));

  it('compares over listeners by tossing signs, and holds all comparisons together', () => {
    const { comparisons, unit } = analyse(six).mushra!;
    expect(unit).toBe('listeners');
    const pair = comparisons.find(({ first, second }) => first === 'good' && second === 'poor')!;
    expect(pair.difference).toBeCloseTo(12.5, 10);
    expect(pair.p).toBe(2 / 64); // all six agree
    expect(pair.adjustedP).toBe((3 * 2) / 64);
    expect(comparisons).toHaveLength(3); // no anchors
  });

  it('reports means with Student’s interval over listeners', () => {
    const good = analyse(six).mushra!.conditions.find(({ condition }) => condition === 'good')!;
    const mean = (81 + 79 + 85 + 70 + 77 + 90) / 6;
    const deviation = Math.sqrt([81, 79, 85, 70, 77, 90].reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5);
    expect(good.mean).toBeCloseTo(mean, 10);
    expect(good.intervalHigh - mean).toBeCloseTo((2.570581835636314 * deviation) / Math.sqrt(6), 8); // t at 97.5 %, 5 degrees of freedom
  });

  it('names outliers and keeps them', () => {
    const { outliers, conditions } = analyse([...six, mushra('far', { good: 5, poor: 60 })]).mushra!;
    expect(outliers.filter(({ condition }) => condition === 'good').every(({ listener, score }) => listener === 'far' && score === 5)).toBe(true);
    expect(outliers.length).toBeGreaterThanOrEqual(10);
    expect(conditions.find(({ condition }) => condition === 'good')!.listenerMeans).toContain(5);
  });

  it('of one listener compares over items, and says of whom it speaks', () => {
    const analysis = analyse([mushra('alone')]);
    expect(analysis.mushra!.unit).toBe('items');
    expect(describeAnalysis(analysis).join('\n')).toContain('It speaks of this listener alone.');
    expect(analysis.mushra!.conditions[0].intervalLow).toBeNaN();
  });
});

describe('ABX', () => {
  const trials = (correct: number, count: number): Partial<TrialResult>[] => Array.from({ length: count }, (_, index) => ({ a: index % 2 ? 'codec' : 'reference', b: index % 2 ? 'reference' : 'codec', x: 'a', choice: index < correct ? 'a' : 'b', isCorrect: index < correct }));

  it('counts for each listener and for all, whichever side each was on', () => {
    const { abx } = analyse([results('abx', 'a', trials(12, 16)), results('abx', 'b', trials(8, 16))]);
    expect(abx!.pairs).toHaveLength(1);
    expect(abx!.pairs[0]).toMatchObject({ pair: 'reference / codec', correct: 20, count: 32, listeners: [{ listener: 'a', correct: 12 }, { listener: 'b', correct: 8 }] });
    expect(abx!.pairs[0].listeners[0].p).toBeCloseTo(2517 / 65536, 12);
  });
});

describe('preference', () => {
  const votes = (choices: string): Partial<TrialResult>[] => [...choices].map((choice, index) => (index % 2 ? { a: 'one', b: 'two', choice: ({ 1: 'a', 2: 'b', 0: 'none' } as const)[choice] } : { a: 'two', b: 'one', choice: ({ 1: 'b', 2: 'a', 0: 'none' } as const)[choice] }));

  it('counts votes and listeners, whichever side each was on', () => {
    const { preference } = analyse([results('preference', 'a', votes('1112')), results('preference', 'b', votes('1110')), results('preference', 'c', votes('2200'))]);
    expect(preference!.pairs[0]).toMatchObject({ pair: 'one / two', votesFirst: 6, votesSecond: 3, votesNone: 3, listenersFirst: 2, listenersSecond: 1 });
    expect(preference!.pairs[0].p).toBeCloseTo((2 * (84 + 36 + 9 + 1)) / 512, 12);
    expect(preference!.pairs[0].listenerP).toBeCloseTo(1, 12);
  });

  it('of nobody’s preference is no surprise', () => expect(analyse([results('preference', 'a', votes('000'))]).preference!.pairs[0]).toMatchObject({ p: 1, low: 0, high: 1 }));
});

describe('results that do not belong together', () => {
  it('are refused', () => {
    const one = mushra('a');
    expect(() => analyse([])).toThrow(/no answered trial/);
    expect(() => analyse([one, { ...one, listener: 'b', test: { ...one.test, id: 'other' } }])).toThrow(/test other .*expected those of test abc/);
    expect(() => analyse([one, { ...one, listener: ' A ' }])).toThrow(/two files of the sitting/);
    expect(analyse([one, { ...one, started: 'later' }]).listeners).toMatchObject([{ listener: 'a', sittings: 2 }]);
  });

  it('are refused when a file is none, or was tampered with', () => {
    const right = results('abx', 'a', [{ a: 'x', b: 'y', x: 'a', choice: 'a', isCorrect: true }]);
    expect(parseResults(JSON.stringify(right), 'f')).toEqual(right);
    expect(() => parseResults(toCsv(right), 'f.csv')).toThrow(/f\.csv: got no JSON .*CSV file is for spreadsheets/);
    expect(() => parseResults(JSON.stringify({ ...right, trials: [{ ...right.trials[0], isCorrect: false }] }), 'f')).toThrow(/trials\.0\.isCorrect: not what x and the answer say/);
    expect(() => parseResults(JSON.stringify({ ...right, trials: [{ ...right.trials[0], choice: undefined }] }), 'f')).toThrow(/no answer to a trial of abx/);
    expect(() => parseResults('{}', 'f')).toThrow(/format/);
  });
});

describe('the report', () => {
  it('has a plot, tables and words, and escapes names', () => {
    const page = renderAnalysisPage(analyse([mushra('<a>'), mushra('b')]));
    expect(page).toContain('<svg');
    expect(page).toContain('&lt;a&gt;');
    expect(page).not.toContain('<a>');
    expect(page).not.toMatch(/NaN|undefined/);
    expect(describeAnalysis(analyse([results('abx', 'a', [{ a: 'x', b: 'y', x: 'a', choice: 'a', isCorrect: true }], { finished: null })])).join('\n')).toContain('1 listener stopped before the end');
  });

  it('quotes cells of the CSV, and disarms formulas', () => {
    expect(toCsv(results('abx', '=1+1', [{ item: 'a "b", c', a: 'x', b: 'y', x: 'b', choice: 'a', isCorrect: false }])).split('\r\n')[1]).toBe('Planted,abc,\'=1+1,,1,"a ""b"", c",x,y,y,x,0,6');
  });
});
