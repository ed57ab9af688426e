// What a clip is to be, in labels and prompts at weights: checked, put into words, and made the condition of a batch.
import { requireInteger, requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { Share } from '../diffusion/mixed-guidance.js';
import type { PipelineCondition } from '../pipeline/denoiser.js';
import type { MixedCondition } from '../pipeline/mixed-denoiser.js';
import { nullClassOf, type Pipeline } from '../pipeline/pipeline.js';
import { encodePrompts } from '../pipeline/text.js';

/** One label, one prompt, or both at once. */
export interface MixPart {
  /** Index into the pipeline's labels. Default none. */
  readonly label?: number | null;
  /** Default '', without words. */
  readonly prompt?: string;
  /** Above 0; only the proportions within a mix count. Default 1. */
  readonly weight?: number;
}

/** What a clip is drawn toward and led away from. */
export interface SoundMix {
  /** Default nothing in particular. */
  readonly parts?: readonly MixPart[];
  /** What guidance leads away from, in place of nothing in particular: heard where guidance is not 1. */
  readonly negative?: readonly MixPart[];
}

/** A part in words, its weight as a share of 1. */
export interface DescribedPart {
  readonly label: string | null;
  readonly prompt: string | null;
  readonly weight: number;
}

export interface DescribedMix {
  readonly parts: readonly DescribedPart[];
  readonly negative: readonly DescribedPart[];
}

/** Shares add up to 1 within this. */
const ROUNDING = 1e-12;
const NOTHING: readonly MixPart[] = [{}];

/** @throws MelstromError of kind 'usage' that names the part, and what the model has no use for */
export function checkMix({ labels, text }: Pick<Pipeline, 'labels' | 'text'>, { parts = [], negative = [] }: SoundMix, where: string): void {
  for (const [name, list] of [['parts', parts], ['negative', negative]] as const) {
    list.forEach(({ label = null, prompt = '', weight = 1 }, index) => {
      const at = `${where}.${name}[${index}]`;
      requireNumber(`${at}.weight`, weight, { min: Number.MIN_VALUE, fix: 'What is not wanted is named as negative.' });
      if (label !== null && labels.length === 0) {
        throw new MelstromError({ kind: 'usage', where: `${at}.label`, got: String(label), expected: 'none, since the model has no labels' });
      }
      if (label !== null) requireInteger(`${at}.label`, label, { min: 0, max: labels.length - 1 });
      if (prompt !== '' && text === null) throw new MelstromError({ kind: 'usage', where: `${at}.prompt`, got: JSON.stringify(prompt), expected: 'none, since the model follows no text' });
    });
  }
}

/** For a record. */
export function describeMix({ labels, text }: Pick<Pipeline, 'labels' | 'text'>, { parts = [], negative = [] }: SoundMix): DescribedMix {
  const describe = (list: readonly MixPart[]): DescribedPart[] =>
    shares(list).map(({ label = null, prompt = '', weight }) => ({ label: label === null ? null : labels[label], prompt: text === null ? null : prompt, weight }));
  return { parts: parts.length === 0 ? [] : describe(parts), negative: negative.length === 0 ? [] : describe(negative) };
}

/** The parts of two mixes, the second's counting as much as `share` says. */
export function blendMixes(first: SoundMix, second: SoundMix, share: number): SoundMix {
  const blend = (a: readonly MixPart[] = [], b: readonly MixPart[] = []): (MixPart & { weight: number })[] => [
    ...shares(a).map((part) => ({ ...part, weight: part.weight * (1 - share) })),
    ...shares(b).map((part) => ({ ...part, weight: part.weight * share })),
  ].filter(({ weight }) => weight > 0);
  return { parts: merged(blend(first.parts, second.parts)), negative: merged(blend(first.negative, second.negative)) };
}

/**
 * The condition of a batch, one mix per item: as many shares as the longest mix has parts, those that an item has not at weight 0.
 *
 * Memory: the caller frees it with disposeMix.
 */
export function mixedCondition(pipeline: Pick<Pipeline, 'labels' | 'text' | 'unet'>, mixes: readonly SoundMix[]): MixedCondition {
  const nullClass = nullClassOf(pipeline);
  const { text } = pipeline;
  const side = (lists: readonly (readonly MixPart[] | undefined)[]): Share<PipelineCondition>[] => {
    const items = lists.map((list) => shares(list ?? []));
    const count = Math.max(...items.map((parts) => parts.length));
    return Array.from({ length: count }, (_, index) => ({
      weights: items.map((parts) => parts[index]?.weight ?? 0),
      condition: {
        classLabels: nullClass === null ? null : Int32Array.from(items, (parts) => parts[index]?.label ?? nullClass),
        textStates: text === null ? undefined : encodePrompts(text, items.map((parts) => parts[index]?.prompt ?? '')),
      },
    }));
  };
  return { toward: side(mixes.map(({ parts }) => parts)), away: side(mixes.map(({ negative }) => negative)) };
}

/** The weights as shares of 1; no part at all is nothing in particular. */
function shares(list: readonly MixPart[]): (MixPart & { weight: number })[] {
  const parts = list.length === 0 ? NOTHING : list;
  const sum = parts.reduce((total, { weight = 1 }) => total + weight, 0);
  const whole = Math.abs(sum - 1) < ROUNDING ? 1 : sum; // so that shares read from a record are the very same again
  return parts.map((part) => ({ ...part, weight: (part.weight ?? 1) / whole }));
}

/** Parts that are alike become one. */
function merged(parts: readonly (MixPart & { weight: number })[]): MixPart[] {
  const byName = new Map<string, MixPart & { weight: number }>();
  for (const part of parts) {
    const name = JSON.stringify([part.label ?? null, part.prompt ?? '']);
    byName.set(name, { ...part, weight: part.weight + (byName.get(name)?.weight ?? 0) });
  }
  return [...byName.values()];
}
