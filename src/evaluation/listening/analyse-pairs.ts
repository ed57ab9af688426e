// ABX and preference: counts for each pair of conditions, and how likely chance alone gives as many. Pure.
import type { ListenerRecord } from './analyse.js';
import type { TrialResult } from './listening-test.js';
import { grouped, pairName } from './results.js';
import { binomialTail, holm, shareInterval, signTest } from './statistics.js';

export interface AbxCount {
  readonly correct: number;
  readonly count: number;
  /** One-sided: of at least as many correct by guessing. */
  readonly p: number;
  /** Of the share of correct answers, exact, 95 %. */
  readonly low: number;
  readonly high: number;
}

export interface AbxPair extends AbxCount {
  readonly pair: string;
  /** Held against all pairs together (Holm). */
  readonly adjustedP: number;
  readonly listeners: readonly (AbxCount & { readonly listener: string })[];
}

export interface AbxAnalysis {
  readonly pairs: readonly AbxPair[];
}

export interface PreferencePair {
  readonly pair: string;
  readonly first: string;
  readonly second: string;
  readonly votesFirst: number;
  readonly votesSecond: number;
  readonly votesNone: number;
  /** Of the votes for the first among those for either, exact, 95 %. */
  readonly low: number;
  readonly high: number;
  /** Two-sided sign test over all votes: is any vote more than a toss? */
  readonly p: number;
  readonly adjustedP: number;
  /** Listeners with more votes for one than for the other, and the sign test over them: would other listeners agree? */
  readonly listenersFirst: number;
  readonly listenersSecond: number;
  readonly listenerP: number;
}

export interface PreferenceAnalysis {
  readonly pairs: readonly PreferencePair[];
}

/** Counts correct answers, of each listener and of all. */
export function analyseAbx(listeners: readonly ListenerRecord[]): AbxAnalysis {
  const pairs = [...byPair(listeners)].map(([pair, trials]) => ({
    pair, ...countOf(trials),
    listeners: listeners.flatMap(({ listener, trials: own }) => {
      const ofPair = own.filter((trial) => pairName(trial) === pair);
      return ofPair.length === 0 ? [] : [{ listener, ...countOf(ofPair) }];
    }),
  }));
  const adjusted = holm(pairs.map(({ p }) => p));
  return { pairs: pairs.map((one, index) => ({ ...one, adjustedP: adjusted[index] })) };
}

/** Counts votes. */
export function analysePreference(listeners: readonly ListenerRecord[]): PreferenceAnalysis {
  const pairs = [...byPair(listeners)].map(([pair, trials]) => {
    const [first, second] = pair.split(' / '); // names of folders, which have no slash
    const votes = (own: readonly TrialResult[], name: string): number => own.filter(({ a, b, choice }) => choice !== 'none' && (choice === 'a' ? a : b) === name).length;
    const [votesFirst, votesSecond] = [votes(trials, first), votes(trials, second)];
    const leanings = listeners.map((one) => one.trials.filter((trial) => pairName(trial) === pair)).map((own) => votes(own, first) - votes(own, second));
    const [listenersFirst, listenersSecond] = [leanings.filter((lean) => lean > 0).length, leanings.filter((lean) => lean < 0).length];
    const [low, high] = shareInterval(votesFirst, votesFirst + votesSecond);
    return {
      pair, first, second, votesFirst, votesSecond, votesNone: trials.length - votesFirst - votesSecond, low, high, p: signTest(votesFirst, votesSecond),
      listenersFirst, listenersSecond, listenerP: signTest(listenersFirst, listenersSecond),
    };
  });
  const adjusted = holm(pairs.map(({ p }) => p));
  return { pairs: pairs.map((one, index) => ({ ...one, adjustedP: adjusted[index] })) };
}

function byPair(listeners: readonly ListenerRecord[]): Map<string, TrialResult[]> {
  return grouped(listeners.flatMap(({ trials }) => trials.map((trial) => [pairName(trial), trial] as const)));
}

function countOf(trials: readonly TrialResult[]): AbxCount {
  const correct = trials.filter(({ isCorrect }) => isCorrect).length;
  const [low, high] = shareInterval(correct, trials.length);
  return { correct, count: trials.length, p: binomialTail(correct, trials.length), low, high };
}
