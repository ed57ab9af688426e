import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipNames, safeLabel, safeLabels } from '../../src/generation/index.js';

describe('safeLabel', () => {
  it.each([
    ['kick', 'kick'],
    ['Snäre / drum', 'Snäre-drum'],
    ['hi hat', 'hi-hat'],
    ['../../etc/passwd', 'etc-passwd'],
    ['..', 'label'],
    ['', 'label'],
    ['CON', 'CON-'],
    ['lpt1', 'lpt1-'],
    ['a\u0000b\nc\u202ed', 'a-b-c-d'],
    ['100% <wet>:"x"|?*', '100-wet-x'],
    ['太鼓 🥁', '太鼓-🥁'],
    ['e\u0301', 'é'],
    ['.hidden', 'hidden'],
    ['--force', 'force'],
  ])('%j is %j', (label, expected) => {
    expect(safeLabel(label)).toBe(expected);
  });

  it('is safe for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (label) => {
        const name = safeLabel(label);
        expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(121);
        expect(name).toMatch(/^[^/\\:*?"<>|\p{Cc}.\s-][^/\\:*?"<>|\p{Cc}\s]*$/u);
      }),
      { numRuns: 50 },
    );
  });
});

describe('clipNames', () => {
  it('counts per label', () => {
    expect(clipNames(['kick', 'a b'], { seeds: [42, 43, 44, 45], labels: [0, 1, 0, null] })).toEqual([
      'kick-0001-seed42', 'a-b-0001-seed43', 'kick-0002-seed44', 'unlabelled-0001-seed45',
    ]);
  });

  it('never gives one name twice, also where case is not told apart', () => {
    expect(safeLabels(['a/b', 'a:b', 'A-B', 'unlabelled'])).toEqual(['a-b', 'a-b~2', 'A-B~3', 'unlabelled~2']);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'A', '/', '-', '~', '2', ' '), maxLength: 5 }), { minLength: 1 }), (labels) => {
        const count = labels.length * 2;
        const names = clipNames(labels, { seeds: Array.from({ length: count }, () => 7), labels: Array.from({ length: count }, (_, index) => index % labels.length) });
        expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(count);
      }),
    );
  });
});
