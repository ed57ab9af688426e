// The bench's table as Markdown, for a README: date and machine above it, one line per figure. Knows no measuring.
import { figureText, verdictOf, type Measured } from './table.js';

/** What the figures were measured with. */
export interface BenchSetting {
  readonly date: Date;
  readonly processor: string;
  readonly memoryBytes: number;
  /** Names and versions: ours, then the peers'. */
  readonly versions: readonly string[];
}

/** One line for people: date, machine, versions. */
export function settingLine({ date, processor, memoryBytes, versions }: BenchSetting): string {
  return [`${date.toISOString().slice(0, 10)}, ${processor}, ${(memoryBytes / 1e9).toFixed(0)} GB`, ...versions].join('; ');
}

/** Lines of Markdown. The ratio is how many times as fast as the peer, or of memory how much of the peer's; the share that of convolutions and matrix products. */
export function benchMarkdown(rows: readonly Measured[], setting: BenchSetting): string[] {
  return [
    `Measured on ${settingLine(setting)}. Ratio: how many times as fast as the peer, or how much of its memory; median and spread of the pairs.`,
    '',
    '| row | ours | peer | ratio | reach, aim | products |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${[row.name, figureText(row.ours, row.unit), theirsOf(row), ratioOf(row), limitsOf(row), row.share === undefined ? '' : `${(100 * row.share).toFixed(0)} %`].join(' | ')} |`),
  ];
}

function theirsOf({ theirs, unit, peer }: Measured): string {
  return theirs === null ? `– (${peer})` : `${figureText(theirs, unit)} (${peer})`;
}

function ratioOf({ ratio }: Measured): string {
  if (ratio === null) return '';
  const { median, lowest, highest } = ratio;
  return lowest === highest ? median.toFixed(2) : `${median.toFixed(2)} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`;
}

function limitsOf(row: Measured): string {
  if (row.reach === null || row.aim === null) return '';
  const verdict = verdictOf(row);
  return `${row.reach.toFixed(2)}, ${row.aim.toFixed(2)}${verdict === '' ? '' : `: ${verdict}`}`;
}
