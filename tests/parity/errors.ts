// How far two sets of tensors are apart, and the table that says so.
import type { Tensors } from './networks.js';

/** Errors of one configuration; a problem in words where there is no number. */
export interface ParityRow {
  readonly name: string;
  readonly kind: string;
  readonly parameterCount: number;
  /** Their weights here: outputs, and gradients of all parameters. */
  readonly theirsOutput: number;
  readonly theirsGradient: number;
  /** Our weights there: outputs. */
  readonly oursOutput: number;
  readonly problems: readonly string[];
}

/**
 * Relative to the largest value of an output. The same on every engine: all compute in float32 and differ in the order of their sums alone,
 * which is some 1e-6 of these networks' outputs and 1e-5 of their gradients.
 */
export const OUTPUT_TOLERANCE = 1e-4;
/** Relative to the norm of a parameter's gradient. */
export const GRADIENT_TOLERANCE = 1e-3;
/** Share of the largest gradient's norm that is rounding in any other: the bias of a key has a gradient of zero but for it. */
const GRADIENT_ROUNDING = 1e-3;

/** The largest difference over the largest value, of the output where that is worst. Infinite when names or shapes differ or a value is not finite. */
export function outputError(got: Tensors, expected: Tensors): number {
  return worst(got, expected, (a, b) => {
    const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = a.reduce((most, value, index) => Math.max(most, distance(value, b[index])), 0);
    return difference === 0 ? 0 : difference / largest;
  });
}

/** The norm of the difference over that of the gradient, of the parameter where that is worst. */
export function gradientError(got: Tensors, expected: Tensors): number {
  const largest = [...expected.values()].reduce((most, { data }) => Math.max(most, norm(data)), 0);
  return worst(got, expected, (a, b) => norm(a.map((value, index) => distance(value, b[index]))) / (norm(b) + GRADIENT_ROUNDING * largest));
}

function worst(got: Tensors, expected: Tensors, errorOf: (a: Float32Array, b: Float32Array) => number): number {
  if ([...got.keys()].toSorted().join() !== [...expected.keys()].toSorted().join()) return Infinity;
  return [...expected].reduce((most, [name, { shape, data }]) => {
    const other = got.get(name)!;
    const error = other.shape.join() === shape.join() ? errorOf(other.data, data) : Infinity;
    return Math.max(most, Number.isNaN(error) ? Infinity : error);
  }, 0);
}

function distance(a: number, b: number): number {
  return Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Infinity;
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

export function isWithin({ theirsOutput, theirsGradient, oursOutput, problems }: ParityRow): boolean {
  return problems.length === 0 && theirsOutput <= OUTPUT_TOLERANCE && oursOutput <= OUTPUT_TOLERANCE && theirsGradient <= GRADIENT_TOLERANCE;
}

/** One line per configuration, and what went wrong below it. */
export function parityTable(rows: readonly ParityRow[]): string {
  const heads = ['', 'class', 'configuration', 'parameters', 'theirs here', 'gradients', 'ours there'];
  const cells = rows.map((row) => [
    isWithin(row) ? 'ok' : 'FAIL', row.kind, row.name, String(row.parameterCount), ...[row.theirsOutput, row.theirsGradient, row.oursOutput].map((error) => error.toExponential(1)),
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((line) => line[column].length)));
  const line = (texts: readonly string[]): string => texts.map((text, column) => (column < 3 ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join('  ');
  return [line(heads), ...rows.flatMap(({ problems }, index) => [line(cells[index]), ...problems.map((problem) => `      ${problem}`)])].join('\n');
}
