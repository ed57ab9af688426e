// Writes TensorBoard event files into a run folder, on every engine. The native engine's own writer has scalars and histograms only.
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { diskError } from './disk-error.node.js';
import { encodeRestartRecord, encodeSummaryRecord, encodeVersionRecord, type SummaryEntry } from './event-records.js';

/** A run's log. Each call is in the file when it returns, so nothing is lost when the process dies. */
export interface EventWriter {
  readonly path: string;
  write(step: number, entries: readonly SummaryEntry[]): void;
}

/**
 * Opens a new event file in a folder. A run resumed at `firstStep` above 0 gets a file of its own, whose first record
 * makes TensorBoard drop what the earlier part had logged beyond that step.
 */
export function createEventWriter(folder: string, { firstStep = 0, now = () => Date.now() / 1000 }: { firstStep?: number; now?: () => number } = {}): EventWriter {
  const opened = now();
  const path = join(folder, `events.out.tfevents.${Math.floor(opened).toString().padStart(10, '0')}.melstrom.${process.pid}.${firstStep}`);
  const append = (record: Uint8Array): void => {
    try {
      mkdirSync(folder, { recursive: true });
      appendFileSync(path, record);
    } catch (cause) {
      throw diskError(path, cause);
    }
  };
  append(encodeVersionRecord(opened));
  if (firstStep > 0) append(encodeRestartRecord(opened, firstStep + 1));
  return {
    path,
    write(step, entries) {
      if (entries.length > 0) append(encodeSummaryRecord(now(), step, entries));
    },
  };
}
