// What a series of validations says: the best so far, and whether there is still improvement. Pure.
import type { ValidationRecord } from './stage.js';

/** The record with the lowest loss, the first of equals. */
export function bestValidation(records: readonly ValidationRecord[]): ValidationRecord | null {
  return records.reduce<ValidationRecord | null>((best, record) => (best === null || record.figures.loss < best.figures.loss ? record : best), null);
}

/** One line about the latest validation. */
export function describeValidation(records: readonly ValidationRecord[]): string {
  const latest = records[records.length - 1];
  const best = bestValidation(records);
  const others = Object.entries(latest.figures).filter(([name]) => name !== 'loss').map(([name, value]) => `, ${name} ${value.toPrecision(4)}`);
  const bestText = best === null || best === latest ? 'the best so far' : `best ${best.figures.loss.toPrecision(4)} at step ${best.step}`;
  return `step ${latest.step}: validation loss ${latest.figures.loss.toPrecision(4)} (${bestText})${others.join('')}`;
}

/**
 * A sentence when the last `patience` validations brought no improvement, said once each time patience runs out anew;
 * null otherwise.
 */
export function stoppedImproving(records: readonly ValidationRecord[], patience: number): string | null {
  const best = bestValidation(records);
  if (best === null) return null;
  const since = records.length - 1 - records.indexOf(best);
  if (since === 0 || since % patience !== 0) return null;
  return `validation has stopped improving: the best was ${best.figures.loss.toPrecision(4)} at step ${best.step}, ${since} validations ago`;
}
