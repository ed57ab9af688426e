// Where a sample lies in a signal that is mirrored at its ends.

/** The place of `index` when a signal of `length` samples is mirrored at both ends for ever, without repeating the end samples. */
export function mirrorIndex(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const wrapped = ((index % period) + period) % period;
  return wrapped < length ? wrapped : period - wrapped;
}
