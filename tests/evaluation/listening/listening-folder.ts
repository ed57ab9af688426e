// A folder of a listening test as a user has it, with sounds that can be told apart by number.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentReporter } from '../../../src/base/logger.js';
import type { ListeningTest, TestKind } from '../../../src/evaluation/listening/listening-test.js';
import { makeListeningTest, type MakeTestOptions } from '../../../src/evaluation/listening/make-test.node.js';
import { readTestFolder } from '../../../src/evaluation/listening/read-folder.node.js';
import { sine, writeSound } from '../../corpus/sounds.js';

/** High enough for both anchors. */
export const RATE = 24_000;

/** Two items under the conditions named; each sound has its own pitch. */
export function createTestFolder(conditions: readonly string[], { seconds = 0.3, items = ['bell é', 'kick #1'] } = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'melstrom listening é '));
  conditions.forEach((condition, order) => items.forEach((item, index) => writeSound(root, `${condition}/${item}.wav`, sine(seconds, { hz: 300 + 170 * order + 60 * index, gain: 0.2 + 0.1 * order, sampleRateHz: RATE }), { sampleRateHz: RATE })));
  return root;
}

/** The test of a folder. */
export function makeTest(root: string, kind: TestKind, over: Partial<MakeTestOptions> = {}): Promise<ListeningTest> {
  return makeListeningTest({
    folder: readTestFolder(root, 'name'), kind, title: 'A <test> & "more"', seed: 3, trials: 4, practice: 0, gapSeconds: 0.1, isLevelMatched: true, hasAnchors: true, reporter: silentReporter, ...over,
  });
}
