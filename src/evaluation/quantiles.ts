// Orders, shares and spreads of plain numbers.

/** Linear between neighbours, as numpy's default. NaN of nothing. `share` in [0, 1]. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below], sorted[Math.ceil(position)]];
  return low === high ? low : low + (high - low) * (position - below);
}

export interface Spread {
  readonly count: number;
  readonly p5: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly p95: number;
}

/** Five quantiles of finite values; NaN where there are none. */
export function spreadOf(values: readonly number[]): Spread {
  const at = (share: number): number => quantile(values, share);
  return { count: values.length, p5: at(0.05), p25: at(0.25), median: at(0.5), p75: at(0.75), p95: at(0.95) };
}

/** How often a value of the first list is below one of the second, ties counting half: 0.5 when neither tends to be lower. */
export function shareBelow(first: readonly number[], second: readonly number[]): number {
  const sorted = [...second].sort((a, b) => a - b);
  const countBelow = (isBefore: (value: number) => boolean): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(sorted[middle])) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const above = first.reduce((sum, one) => sum + sorted.length - (countBelow((value) => value < one) + countBelow((value) => value <= one)) / 2, 0);
  return above / (first.length * sorted.length);
}
