// The order of a test for one listener: a pure function of the test, its seed and the listener's name. Runs in the browser.
import { createRandom, type Random } from '../../base/random.js';
import { REFERENCE, type AbxTrial, type Item, type ListeningTest, type PreferenceTrial, type Trial } from './listening-test.js';

/**
 * All trials, practice first. MUSHRA: every item once, its sounds shuffled. ABX: each pair of conditions as often as `trials` says, over
 * the items in turn, X drawn anew each time with even odds. Preference: each pair of each item `trials` times, sides drawn at random.
 */
export function planTrials(test: Pick<ListeningTest, 'kind' | 'items' | 'seed' | 'trials' | 'practice'>, listener: string): Trial[] {
  const random = createRandom(test.seed, 'trials', listener.trim().toLowerCase());
  const counted = shuffled(countedTrials(test, random), random);
  const practice = Array.from({ length: test.practice }, (_, index) => ({ ...countedTrials(test, random)[(index * 7) % counted.length], isPractice: true }));
  return [...practice, ...counted];
}

/** Pairs of conditions that a test compares: with the reference where there is one, else each with each. */
export function pairsOf(items: readonly Item[]): [string, string][] {
  const conditions = [...new Set(items.flatMap(({ stimuli }) => stimuli.map(({ condition }) => condition)))].sort();
  if (items.some(({ reference }) => reference !== null)) return conditions.map((condition) => [REFERENCE, condition]);
  return conditions.flatMap((first, index) => conditions.slice(index + 1).map((second): [string, string] => [first, second]));
}

function countedTrials({ kind, items, trials }: Pick<ListeningTest, 'kind' | 'items' | 'trials'>, random: Random): Trial[] {
  if (kind === 'mushra') return items.map(({ stimuli }, item) => ({ kind, item, isPractice: false, order: shuffled(stimuli.map(({ condition }) => condition), random) }));
  if (kind === 'preference') {
    return pairsOf(items).flatMap((pair) => items.flatMap((_, item) => Array.from({ length: trials }, (): PreferenceTrial => ({ kind, item, isPractice: false, ...sides(pair, random) }))));
  }
  return pairsOf(items).flatMap((pair) => {
    const order = shuffled([...items.keys()], random);
    return Array.from({ length: trials }, (_, index): AbxTrial => ({ kind, item: order[index % order.length], isPractice: false, ...sides(pair, random), x: random.uniform() < 0.5 ? 'a' : 'b' }));
  });
}

function sides([first, second]: readonly [string, string], random: Random): { a: string; b: string } {
  return random.uniform() < 0.5 ? { a: first, b: second } : { a: second, b: first };
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  return [...random.permutation(values.length)].map((index) => values[index]);
}
