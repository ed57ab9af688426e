// The one numeric comparer of the tests: absolute plus relative tolerance, NaN equals nothing, shapes first.

/** Numbers in any nesting or typed array, or a tensor read out as values and shape. */
export type Numbers = number | ArrayLike<number> | readonly Numbers[] | { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

/** |got - expected| may be at most absolute + relative·|expected|. A tolerance looser than usual states its reason. */
export interface Tolerance {
  readonly absolute?: number;
  readonly relative?: number;
  readonly reason?: string;
}

/**
 * Asserts that two arrays of numbers, or two numbers, agree. Shapes are compared before values; NaN is never equal, not
 * even to NaN; an infinity equals only itself. Without tolerances the numbers must be the same.
 *
 * @throws Error that names the worst index, both values, and how many values are off.
 */
export function expectClose(got: Numbers, expected: Numbers, { absolute = 0, relative = 0, reason }: Tolerance = {}): void {
  if (!(absolute >= 0) || !(relative >= 0)) throw new Error(`expectClose: tolerances must not be negative or NaN: ${absolute}, ${relative}`);
  const a = flatten(got);
  const b = flatten(expected);
  if (a.shape.join() !== b.shape.join()) throw new Error(`shapes differ: got [${a.shape.join(', ')}], expected [${b.shape.join(', ')}]`);
  let worst = -1;
  let worstExcess = 0;
  let offCount = 0;
  for (let index = 0; index < b.data.length; index += 1) {
    const excess = excessOf(a.data[index], b.data[index], absolute, relative);
    if (excess === 0) continue;
    offCount += 1;
    if (excess > worstExcess) {
      worst = index;
      worstExcess = excess;
    }
  }
  if (offCount === 0) return;
  const x = a.data[worst];
  const y = b.data[worst];
  throw new Error(
    `${offCount} of ${b.data.length} values differ; worst at ${describeIndex(worst, b.shape)}: got ${x}, expected ${y}, ` +
      `difference ${Math.abs(x - y)}, allowed ${absolute} + ${relative}·|expected| = ${absolute + relative * Math.abs(y)}` +
      (reason === undefined ? '' : ` (${reason})`),
  );
}

/** 0 when within tolerance, else how far beyond, relative to what is allowed; infinite for NaN. */
function excessOf(got: number, expected: number, absolute: number, relative: number): number {
  if (Number.isNaN(got) || Number.isNaN(expected)) return Infinity;
  if (got === expected) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(expected)) return Infinity;
  const difference = Math.abs(got - expected);
  const allowed = absolute + relative * Math.abs(expected);
  if (difference <= allowed) return 0;
  return allowed === 0 ? Math.min(difference * 1e300, Number.MAX_VALUE) : difference / allowed;
}

interface Flat {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

function flatten(value: Numbers): Flat {
  if (typeof value === 'number') return { shape: [], data: [value] };
  if ('shape' in value && 'data' in value) {
    const size = value.shape.reduce((product, axis) => product * axis, 1);
    if (size !== value.data.length) throw new Error(`shape [${value.shape.join(', ')}] does not hold ${value.data.length} values`);
    return { shape: value.shape, data: value.data };
  }
  if (!Array.isArray(value) || value.every((item) => typeof item === 'number')) {
    const data = value as ArrayLike<number>;
    return { shape: [data.length], data };
  }
  const parts = (value as readonly Numbers[]).map(flatten);
  const inner = parts[0].shape.join();
  const ragged = parts.findIndex((part) => part.shape.join() !== inner);
  if (ragged >= 0) throw new Error(`ragged array: item 0 has shape [${inner}], item ${ragged} has [${parts[ragged].shape.join()}]`);
  return { shape: [parts.length, ...parts[0].shape], data: parts.flatMap((part) => Array.from(part.data)) };
}

function describeIndex(index: number, shape: readonly number[]): string {
  if (shape.length === 0) return 'the number itself';
  const position: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${position.join(', ')}]`;
}
