// Divides groups of sounds into training and validation. Knows no files.
import { createRandom } from '../base/random.js';
import { compareNames } from './corpus-file.js';

interface Member {
  readonly group: string;
  readonly label: string | null;
}

interface GroupCounts {
  readonly name: string;
  readonly perLabel: ReadonlyMap<string, number>;
}

/**
 * Chooses the groups to hold out, so that each label's held-out share is as near to `share` as whole groups allow. A label
 * of two groups or more has something held out where that costs no other label much. The result depends on the set of
 * members and the seed, not on their order.
 *
 * @param share 0 to 0.9, of each label's members
 */
export function chooseValidationGroups(members: readonly Member[], { share, seed }: { share: number; seed: number }): ReadonlySet<string> {
  const chosen = new Set<string>();
  const groups = countGroups(members);
  if (share === 0 || groups.length < 2) return chosen;
  const wanted = wantedCounts(groups, share);
  const held = new Map<string, number>();
  const order = createRandom(seed, 'split').permutation(groups.length);
  const shuffled = Array.from(order, (index) => groups[index]);
  const mixed = shuffled.filter(({ perLabel }) => perLabel.size > 1);
  const single = shuffled.filter(({ perLabel }) => perLabel.size === 1);
  for (const group of [...mixed, ...single]) {
    if (chosen.size + 1 === groups.length || !isNearer(group, held, wanted)) continue;
    chosen.add(group.name);
    for (const [label, count] of group.perLabel) held.set(label, (held.get(label) ?? 0) + count);
  }
  if (chosen.size === 0) chosen.add(shuffled.reduce((least, group) => (sizeOf(group) < sizeOf(least) ? group : least)).name);
  return chosen;
}

function countGroups(members: readonly Member[]): GroupCounts[] {
  const groups = new Map<string, Map<string, number>>();
  for (const { group, label } of members) {
    const counts = groups.get(group) ?? new Map<string, number>();
    const key = label === null ? '-' : `=${label}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    groups.set(group, counts);
  }
  return [...groups].map(([name, perLabel]) => ({ name, perLabel })).sort((a, b) => compareNames(a.name, b.name));
}

function wantedCounts(groups: readonly GroupCounts[], share: number): Map<string, number> {
  const totals = new Map<string, { count: number; groupCount: number }>();
  for (const { perLabel } of groups) {
    for (const [label, count] of perLabel) {
      const total = totals.get(label) ?? { count: 0, groupCount: 0 };
      totals.set(label, { count: total.count + count, groupCount: total.groupCount + 1 });
    }
  }
  return new Map([...totals].map(([label, { count, groupCount }]) => [label, groupCount < 2 ? count * share : Math.max(count * share, Math.min(1, count / 2))]));
}

/** Does holding out this group bring the held-out counts nearer to the wanted ones, each label counted relative to its own? */
function isNearer(group: GroupCounts, held: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>): boolean {
  let change = 0;
  for (const [label, count] of group.perLabel) {
    const goal = wanted.get(label) ?? 1;
    const before = (held.get(label) ?? 0) / goal - 1;
    const after = before + count / goal;
    change += after * after - before * before;
  }
  return change < 0;
}

function sizeOf({ perLabel }: GroupCounts): number {
  return [...perLabel.values()].reduce((sum, count) => sum + count, 0);
}
