// Positions along a way such that each is as far from the next, as far as what was measured tells. Knows no sound.

/** Largest over smallest; 1 is even, Infinity where something stands still. */
export function unevenness(changes: readonly number[]): number {
  const [largest, smallest] = [Math.max(...changes), Math.min(...changes)];
  return largest === 0 ? 1 : largest / smallest;
}

/**
 * New positions from 0 to 1 between which the same changes, if change goes on evenly between two old ones.
 *
 * @param changes from each old position to the next: one fewer than positions
 */
export function evenPositions(positions: readonly number[], changes: readonly number[]): number[] {
  const total = changes.reduce((sum, change) => sum + change, 0);
  if (total === 0) return [...positions];
  const last = positions.length - 1;
  return positions.map((position, index) => {
    if (index === 0 || index === last) return position;
    let rest = (total * index) / last;
    let step = 0;
    while (step < last - 1 && rest > changes[step]) {
      rest -= changes[step];
      step += 1;
    }
    return positions[step] + (positions[step + 1] - positions[step]) * Math.min(1, changes[step] === 0 ? 0 : rest / changes[step]);
  });
}
