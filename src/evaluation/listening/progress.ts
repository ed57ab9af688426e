// What has been answered so far, kept in the browser so that a closed tab loses nothing. Knows neither sounds nor screens.
import type { Answer } from './listening-test.js';

/** A sitting as it is kept. */
export interface Progress {
  readonly listener: string;
  readonly equipment: string;
  /** ISO 8601. */
  readonly started: string;
  readonly answers: readonly Answer[];
  /** Scores of the trial at hand; null where not yet given. */
  readonly draft: readonly (number | null)[];
}

export interface ProgressStore {
  /** null when there is none. */
  load(): Progress | null;
  /** False when the browser refuses, so that the page can say so. */
  save(progress: Progress): boolean;
  clear(): void;
}

/** Keeps progress under the test's id. `storage` is asked for each time, since browsers that refuse it throw on the question. */
export function createProgressStore(testId: string, storage: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>): ProgressStore {
  const key = `melstrom listening ${testId}`;
  return {
    load() {
      try {
        const text = storage().getItem(key);
        return text === null ? null : (JSON.parse(text) as Progress);
      } catch {
        return null; // no storage here, or not of our making: the test starts anew
      }
    },
    save(progress) {
      try {
        storage().setItem(key, JSON.stringify(progress));
        return true;
      } catch {
        return false;
      }
    },
    clear() {
      try {
        storage().removeItem(key);
      } catch {
        // Nothing was kept.
      }
    },
  };
}
