import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseValidationGroups } from '../../src/corpus/split.js';

const members = array(record({ group: constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), label: constantFrom('x', 'y', null) }), { minLength: 1, maxLength: 60 });

describe('chooseValidationGroups', () => {
  it('holds out some groups but never all, whatever the order of members', () => {
    assert(property(members, integer({ min: 0, max: 1000 }), (list, seed) => {
      const groups = new Set<string>(list.map(({ group }) => group));
      const held = chooseValidationGroups(list, { share: 0.2, seed });
      expect([...held].every((group) => groups.has(group))).toBe(true);
      expect(held.size).toBeLessThan(groups.size);
      if (groups.size > 1) expect(held.size).toBeGreaterThan(0);
      expect(chooseValidationGroups([...list].reverse(), { share: 0.2, seed })).toEqual(held);
    }));
  });

  it('holds out the same share of every label when groups are single files', () => {
    const list = ['x', 'y', 'z'].flatMap((label, order) => Array.from({ length: 20 * (order + 1) }, (_, index) => ({ group: `${label}${index}`, label })));
    const held = chooseValidationGroups(list, { share: 0.15, seed: 1 });
    const counts = ['x', 'y', 'z'].map((label) => list.filter((member) => member.label === label && held.has(member.group)).length);
    expect(counts).toEqual([3, 6, 9]);
    expect(chooseValidationGroups(list, { share: 0.15, seed: 2 })).not.toEqual(held);
  });

  it('holds out one of a label of two files, and nothing at a share of 0', () => {
    const list = [{ group: '1', label: 'x' }, { group: '2', label: 'x' }];
    expect(chooseValidationGroups(list, { share: 0.15, seed: 0 }).size).toBe(1);
    expect(chooseValidationGroups(list, { share: 0, seed: 0 }).size).toBe(0);
  });

  it('comes near the share with kits that hold every label', () => {
    const list = Array.from({ length: 20 }, (_, kit) => ['x', 'y'].flatMap((label) => Array.from({ length: 2 + (kit % 3) }, () => ({ group: `kit ${kit}`, label })))).flat();
    const held = chooseValidationGroups(list, { share: 0.2, seed: 5 });
    const share = list.filter(({ group }) => held.has(group)).length / list.length;
    expect(Math.abs(share - 0.2)).toBeLessThan(0.05);
  });
});
