// The detector of seams finds planted ones, at the borders alone, and none where there is none.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { findSeam } from './flux.js';

const PERIOD = 48;
const borders = Array.from({ length: 20 }, (_, index) => PERIOD * (index + 1));

/** Flux that varies as that of music does, with a planted share more at the borders. */
function fluxWith(planted: number): number[] {
  const noise = createRandom(3, 'flux').normals(22 * PERIOD);
  return Array.from(noise, (value, frame) => Math.exp(0.5 * value) * (borders.includes(frame) || borders.includes(frame + 1) ? 1 + planted : 1));
}

describe('findSeam', () => {
  it('finds none in flux that knows nothing of borders', () => {
    const { ratio, deviations } = findSeam(fluxWith(0), borders, PERIOD);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.2);
    expect(Math.abs(deviations)).toBeLessThan(2.5);
  });

  it('finds half as much again, and half as little', () => {
    expect(findSeam(fluxWith(0.5), borders, PERIOD).deviations).toBeGreaterThan(3.5);
    expect(findSeam(fluxWith(-0.5), borders, PERIOD).deviations).toBeLessThan(-3.5);
  });

  it('finds it where it is alone', () => {
    const moved = borders.map((border) => border + 7);
    expect(Math.abs(findSeam(fluxWith(0.5), moved, PERIOD).deviations)).toBeLessThan(2.5);
  });
});
