// Results of one test by many listeners → what they say. Pure.
import { MelstromError } from '../../base/errors.js';
import { analyseMushra, type MushraAnalysis } from './analyse-mushra.js';
import { analyseAbx, analysePreference, type AbxAnalysis, type PreferenceAnalysis } from './analyse-pairs.js';
import type { ListeningResults, TestKind, TrialResult } from './listening-test.js';

export interface ListenerRecord {
  readonly listener: string;
  readonly equipment: string;
  readonly sittings: number;
  /** False when a sitting was left before its end. */
  readonly isFinished: boolean;
  readonly minutes: number;
  readonly trials: readonly TrialResult[];
}

export interface Analysis {
  readonly kind: TestKind;
  readonly title: string;
  readonly id: string;
  readonly listeners: readonly Omit<ListenerRecord, 'trials'>[];
  readonly mushra?: MushraAnalysis;
  readonly abx?: AbxAnalysis;
  readonly preference?: PreferenceAnalysis;
}

/**
 * Analyses results. Sittings of a listener of one name are taken together.
 *
 * @throws MelstromError of kind 'data' when there is nothing to analyse, results are of different tests, or one is there twice
 */
export function analyse(results: readonly ListeningResults[]): Analysis {
  const answered = results.filter(({ trials }) => trials.length > 0);
  if (answered.length === 0) throw refused('results', 'no answered trial', 'results of at least one listener');
  const [{ test }] = answered;
  const other = answered.find((one) => one.test.id !== test.id);
  if (other !== undefined) throw refused(`results of '${other.listener}'`, `those of test ${other.test.id} ('${other.test.title}')`, `those of test ${test.id} ('${test.title}'), as the others`, 'Analyse each test by itself; a page made anew from changed sounds is another test.');
  const seen = new Set<string>();
  for (const { listener, started } of answered) {
    const key = `${keyOf(listener)} ${started}`;
    if (seen.has(key)) throw refused(`results of '${listener}'`, `two files of the sitting of ${started}`, 'each sitting once', 'Leave one of them out.');
    seen.add(key);
  }
  const listeners = [...new Set(answered.map(({ listener }) => keyOf(listener)))].map((key) => recordOf(answered.filter(({ listener }) => keyOf(listener) === key)));
  return {
    kind: test.kind, title: test.title, id: test.id, listeners: listeners.map(({ trials: _trials, ...record }) => record),
    ...(test.kind === 'mushra' ? { mushra: analyseMushra(listeners) } : test.kind === 'abx' ? { abx: analyseAbx(listeners) } : { preference: analysePreference(listeners) }),
  };
}

function recordOf(sittings: readonly ListeningResults[]): ListenerRecord {
  const trials = sittings.flatMap((one) => one.trials);
  return {
    listener: sittings[0].listener, equipment: [...new Set(sittings.map(({ equipment }) => equipment).filter((text) => text !== ''))].join('; '), sittings: sittings.length,
    isFinished: sittings.every(({ finished }) => finished !== null), minutes: trials.reduce((sum, { seconds }) => sum + seconds, 0) / 60, trials,
  };
}

function keyOf(listener: string): string {
  return listener.trim().toLowerCase();
}

function refused(where: string, got: string, expected: string, fix?: string): MelstromError {
  return new MelstromError({ kind: 'data', where, got, expected, fix });
}
