// The table that `bench` prints, and the notes below it. Knows no measuring.
import type { Ratio } from './pairs.js';

/** One line of the table. */
export interface Measured {
  readonly name: string;
  readonly unit: 'ms' | 's' | 'MB';
  /** Medians. */
  readonly ours: number;
  /** null where the peer could not be asked, or the line has none. */
  readonly theirs: number | null;
  readonly peer: string;
  /** How many times as fast, or as much memory. */
  readonly ratio: Ratio | null;
  /** The ratio that must be reached, and the one that is wanted; null where the figure is only printed. For memory a ratio at most that. */
  readonly reach: number | null;
  readonly aim: number | null;
  /** Share of our time in convolutions and matrix products, 0 to 1; absent where it is not measured. */
  readonly share?: number;
  /** Parameters, agreement, versions: what else is known of the row. */
  readonly notes: readonly string[];
}

export type Verdict = 'aim' | 'reach' | 'missed' | '';

/** Whether a line reaches what it must. Of memory less is better, of speed more. */
export function verdictOf({ unit, ratio, reach, aim }: Pick<Measured, 'unit' | 'ratio' | 'reach' | 'aim'>): Verdict {
  if (ratio === null || reach === null) return '';
  const isReached = (limit: number): boolean => (unit === 'MB' ? ratio.median <= limit : ratio.median >= limit);
  if (aim !== null && isReached(aim)) return 'aim';
  return isReached(reach) ? 'reach' : 'missed';
}

const HEADS = ['row', 'ours', 'peer', '', 'ratio', 'spread', 'reach', 'aim', ''] as const;
/** Columns of words; the others hold figures. */
const WORDS: ReadonlySet<number> = new Set([0, 3, 8]);

/** The lines of the table, the notes of each row below it. */
export function benchTable(rows: readonly Measured[]): string[] {
  const cells = rows.map((row) => [
    row.name, figureText(row.ours, row.unit), row.theirs === null ? '-' : figureText(row.theirs, row.unit), row.peer,
    row.ratio === null ? '-' : row.ratio.median.toFixed(2), row.ratio === null ? '' : `${row.ratio.lowest.toFixed(2)} to ${row.ratio.highest.toFixed(2)}`,
    row.reach?.toFixed(2) ?? '', row.aim?.toFixed(2) ?? '', verdictOf(row),
  ]);
  const widths = HEADS.map((head, column) => Math.max(head.length, ...cells.map((line) => line[column].length)));
  const line = (texts: readonly string[]): string => texts.map((text, column) => (WORDS.has(column) ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join('  ').trimEnd();
  return [line(HEADS), ...rows.flatMap((_, index) => [line(cells[index]), ...noted(rows[index]).map((note) => `    ${note}`)])];
}

/** A figure to three digits. */
export function figureText(value: number, unit: string): string {
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${unit}`;
}

function noted({ notes, share }: Measured): string[] {
  return share === undefined ? [...notes] : [...notes, `${(100 * share).toFixed(1)} % of our time in convolutions and matrix products`];
}
