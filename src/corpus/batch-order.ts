// Which slices a batch holds: a pure function of seed and step. Knows no slices, only their labels.
import { createRandom } from '../base/random.js';

export interface BatchOrder {
  /** Index of the slice at a position of the endless sequence that training walks along. */
  at(position: number): number;
}

/**
 * Every slice once per epoch, each epoch in an order of its own.
 *
 * @param scope keeps the sequences of train and validation apart
 */
export function uniformOrder(count: number, seed: number, scope: string): BatchOrder {
  const permutationOf = cachedPermutations((epoch) => createRandom(seed, 'epoch', scope, epoch).permutation(count));
  return { at: (position) => permutationOf(Math.floor(position / count))[position % count] };
}

/**
 * Every label once per round, rounds in orders of their own; within a label every slice once per epoch of that label.
 *
 * @param labels label of each slice; any integers
 */
export function balancedOrder(labels: Int32Array, seed: number, scope: string): BatchOrder {
  const members = new Map<number, number[]>();
  labels.forEach((label, index) => {
    const list = members.get(label);
    if (list === undefined) members.set(label, [index]);
    else list.push(index);
  });
  const names = [...members.keys()].sort((a, b) => a - b);
  const roundOf = cachedPermutations((round) => createRandom(seed, 'round', scope, round).permutation(names.length));
  const epochsOf = new Map(names.map((label) => [label, cachedPermutations((epoch) => createRandom(seed, 'epoch', scope, label, epoch).permutation(members.get(label)?.length ?? 0))]));
  return {
    at(position) {
      const round = Math.floor(position / names.length);
      const label = names[roundOf(round)[position % names.length]];
      const list = members.get(label) ?? [];
      const order = epochsOf.get(label)?.(Math.floor(round / list.length)) ?? new Uint32Array(1);
      return list[order[round % list.length]];
    },
  };
}

/** Remembers the last two, which is all that a walk along the sequence needs. */
function cachedPermutations(draw: (index: number) => Uint32Array): (index: number) => Uint32Array {
  const kept = new Map<number, Uint32Array>();
  return (index) => {
    let order = kept.get(index);
    if (order === undefined) {
      order = draw(index);
      if (kept.size === 2) kept.delete(kept.keys().next().value ?? index);
      kept.set(index, order);
    }
    return order;
  };
}
