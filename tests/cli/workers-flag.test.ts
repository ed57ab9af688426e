import { describe, expect, it } from 'vitest';
import { workersOfThisMachine } from '../../src/base/worker-pool.node.js';
import { workersFor } from '../../src/cli/workers-flag.js';

describe('workersFor', () => {
  it('starts no thread for a clip or two of the usual length', () => {
    expect(workersFor({ clips: 1, frames: 128 })).toBe(0);
    expect(workersFor({ clips: 7, frames: 128 })).toBe(0);
  });

  it('starts as many as there are clips and cores for more work, one for a single long clip', () => {
    expect(workersFor({ clips: 1, frames: 100_000 })).toBe(1);
    expect(workersFor({ clips: 2000, frames: 128 })).toBe(workersOfThisMachine());
  });

  it('does as it is told, but for threads that no clip would keep busy', () => {
    expect(workersFor({ workers: 0, clips: 2000, frames: 128 })).toBe(0);
    expect(workersFor({ workers: 3, clips: 4, frames: 16 })).toBe(3);
    expect(workersFor({ workers: 64, clips: 4, frames: 16 })).toBe(4);
  });
});
