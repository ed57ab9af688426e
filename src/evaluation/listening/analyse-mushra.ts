// MUSHRA after ITU-R BS.1534-3: who is left out, what each condition scored, and which differences are more than chance. Pure.
import type { ListenerRecord } from './analyse.js';
import { anchorName, HIDDEN_REFERENCE } from './listening-test.js';
import { grouped } from './results.js';
import { average, holm, meanInterval, quartiles, signFlipTest, type Quartiles } from './statistics.js';

const MID_ANCHOR = anchorName(7000);
const EXCELLENT = 90;
/** Share of items above which a listener is left out. Source: BS.1534-3, 4.1.2, as the two numbers around it. */
const EXCLUDED_SHARE = 0.15;
/** Share of listeners who score an item's mid anchor above 90, from which on the anchor, not the listener, is at fault. */
const EXCUSED_SHARE = 0.25;

export interface Screening {
  readonly listener: string;
  readonly itemCount: number;
  /** Items whose hidden reference was scored below 90. */
  readonly lowReferences: number;
  /** Items whose 7 kHz anchor was scored above 90, those left out at which many did so. */
  readonly highAnchors: number;
  readonly isExcluded: boolean;
}

export interface ConditionScore extends Quartiles {
  readonly condition: string;
  /** Of the listeners' means, as its interval is: ratings of one listener are no independent observations. */
  readonly mean: number;
  readonly intervalLow: number;
  readonly intervalHigh: number;
  readonly listenerMeans: readonly number[];
}

export interface Comparison {
  readonly first: string;
  readonly second: string;
  /** Mean of first minus second. */
  readonly difference: number;
  readonly p: number;
  /** Held against all comparisons together (Holm). */
  readonly adjustedP: number;
}

export interface Rating {
  readonly listener: string;
  readonly item: string;
  readonly condition: string;
  readonly score: number;
}

export interface MushraAnalysis {
  readonly screening: readonly Screening[];
  /** Items at which more than a quarter of the listeners scored the 7 kHz anchor above 90. */
  readonly easyItems: readonly string[];
  /** Best first. */
  readonly conditions: readonly ConditionScore[];
  readonly byItem: readonly { readonly item: string; readonly conditions: readonly (Quartiles & { readonly condition: string; readonly mean: number })[] }[];
  /** What one observation of the comparisons is: listeners, or, of a single listener, the items. */
  readonly unit: 'listeners' | 'items';
  readonly comparisons: readonly Comparison[];
  /** Beyond 1.5 interquartile ranges from the quartiles of their item and condition. Kept: only a known mistake may be removed. */
  readonly outliers: readonly Rating[];
}

/** Analyses the ratings of all listeners; scores are of those who pass the screening, or of all when none does. */
export function analyseMushra(listeners: readonly ListenerRecord[]): MushraAnalysis {
  const all = listeners.flatMap(({ listener, trials }) => trials.flatMap(({ item, ratings = [] }) => ratings.map(({ condition, score }): Rating => ({ listener, item, condition, score }))));
  const easyItems = easy(all);
  const screening = listeners.map(({ listener }) => screen(all.filter((one) => one.listener === listener), easyItems));
  const passing = new Set(screening.filter(({ isExcluded }) => !isExcluded).map(({ listener }) => listener));
  const ratings = passing.size === 0 ? all : all.filter(({ listener }) => passing.has(listener));
  const unit = new Set(ratings.map(({ listener }) => listener)).size > 1 ? 'listeners' : 'items';
  const conditions = [...grouped(ratings.map((one) => [one.condition, one] as const))].map(([condition, own]) => scoreOf(condition, own)).sort((a, b) => b.mean - a.mean);
  return {
    screening, easyItems, conditions, unit,
    byItem: [...grouped(ratings.map((one) => [one.item, one] as const))].map(([item, own]) => ({
      item, conditions: conditions.map(({ condition }) => ({ condition, ...spread(own.filter((one) => one.condition === condition)) })),
    })),
    comparisons: compare(ratings, { unit, names: conditions.map(({ condition }) => condition).filter((name) => !name.startsWith('anchor ')) }),
    outliers: [...grouped(ratings.map((one) => [`${one.item}\n${one.condition}`, one] as const)).values()].flatMap(outliersOf),
  };
}

function easy(ratings: readonly Rating[]): string[] {
  const anchors = grouped(ratings.filter(({ condition }) => condition === MID_ANCHOR).map((one) => [one.item, one.score] as const));
  return [...anchors].filter(([, scores]) => scores.filter((score) => score > EXCELLENT).length / scores.length > EXCUSED_SHARE).map(([item]) => item);
}

function screen(own: readonly Rating[], easyItems: readonly string[]): Screening {
  const references = own.filter(({ condition }) => condition === HIDDEN_REFERENCE);
  const anchors = own.filter(({ condition, item }) => condition === MID_ANCHOR && !easyItems.includes(item));
  const lowReferences = references.filter(({ score }) => score < EXCELLENT).length;
  const highAnchors = anchors.filter(({ score }) => score > EXCELLENT).length;
  const isExcluded = lowReferences > EXCLUDED_SHARE * references.length || highAnchors > EXCLUDED_SHARE * references.length;
  return { listener: own[0].listener, itemCount: references.length, lowReferences, highAnchors, isExcluded };
}

function scoreOf(condition: string, own: readonly Rating[]): ConditionScore {
  const listenerMeans = [...grouped(own.map(({ listener, score }) => [listener, score] as const)).values()].map(average);
  const { mean, low, high } = meanInterval(listenerMeans);
  return { condition, ...quartiles(own.map(({ score }) => score)), mean, intervalLow: low, intervalHigh: high, listenerMeans };
}

function spread(own: readonly Rating[]): Quartiles & { readonly mean: number } {
  const scores = own.map(({ score }) => score);
  return { ...quartiles(scores), mean: average(scores) };
}

function compare(ratings: readonly Rating[], { unit, names }: { readonly unit: MushraAnalysis['unit']; readonly names: readonly string[] }): Comparison[] {
  const meansOf = (name: string): Map<string, number> => {
    const own = grouped(ratings.filter(({ condition }) => condition === name).map((one) => [unit === 'items' ? one.item : one.listener, one.score] as const));
    return new Map([...own].map(([key, scores]) => [key, average(scores)]));
  };
  const means = new Map(names.map((name) => [name, meansOf(name)]));
  const raw = names.flatMap((first, index) => names.slice(index + 1).map((second) => {
    const differences = [...means.get(first)!].flatMap(([key, mean]) => (means.get(second)!.has(key) ? [mean - means.get(second)!.get(key)!] : []));
    return { first, second, difference: average(differences), p: signFlipTest(differences) };
  }));
  const adjusted = holm(raw.map(({ p }) => p));
  return raw.map((one, index) => ({ ...one, adjustedP: adjusted[index] }));
}

function outliersOf(own: readonly Rating[]): Rating[] {
  const { low, high } = quartiles(own.map(({ score }) => score));
  return own.filter(({ score }) => score > high + 1.5 * (high - low) || score < low - 1.5 * (high - low));
}
