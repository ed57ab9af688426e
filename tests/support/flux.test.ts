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
    const { ratio, deviations } = findSeam(fluxWith(0), { frames: borders, period: PERIOD });
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.2);
    expect(Math.abs(deviations)).toBeLessThan(2.5);
  });

  it('finds half as much again, and half as little', () => {
    expect(findSeam(fluxWith(0.5), { frames: borders, period: PERIOD }).deviations).toBeGreaterThan(3.5);
    expect(findSeam(fluxWith(-0.5), { frames: borders, period: PERIOD }).deviations).toBeLessThan(-3.5);
  });

  it('takes no latent column for a seam: its edges are compared with edges', () => {
    const grid = 4;
    const flux = fluxWith(0).map((value, frame) => (frame % grid === 0 || (frame + 1) % grid === 0 ? 1.5 : 1) * value);
    expect(findSeam(flux, { frames: borders, period: PERIOD }).ratio).toBeGreaterThan(1.15);
    expect(Math.abs(findSeam(flux, { frames: borders, period: PERIOD, grid }).deviations)).toBeLessThan(2.5);
    expect(findSeam(flux.map((value, frame) => (borders.includes(frame) ? 2 : 1) * value), { frames: borders, period: PERIOD, grid }).deviations).toBeGreaterThan(3.5);
  });

  it('finds it where it is alone', () => {
    const moved = borders.map((border) => border + 7);
    expect(Math.abs(findSeam(fluxWith(0.5), { frames: moved, period: PERIOD }).deviations)).toBeLessThan(2.5);
  });
});
