import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { applyMelFilterBank, melFilterBank, type MelFilterBank } from '../../src/dsp/mel.js';
import { createMelNnls, NNLS_TOLERANCE } from '../../src/dsp/nnls.js';
import { solveTridiagonal } from '../../src/dsp/tridiagonal.js';
import { expectClose } from '../support/close.js';

const full = melFilterBank({ sampleRateHz: 22050, fftSize: 1024, melBins: 80, minHz: 20, maxHz: 11025, melScale: 'slaney', melNorm: 'none' });
const small = melFilterBank({ sampleRateHz: 8000, fftSize: 64, melBins: 8, minHz: 0, maxHz: 4000, melScale: 'htk', melNorm: 'none' });

/** The optimality conditions, straight from the full matrix: x ≥ 0, g ≥ 0, x·g = 0. Relative to the largest Wᵀb. */
function breachOfConditions({ weights, melBins, binCount }: MelFilterBank, target: Float64Array, x: Float64Array): number {
  const highest = weights.reduce((a, b) => Math.max(a, b), 0);
  const residual = Float64Array.from({ length: melBins }, (_, filter) => x.reduce((sum, value, bin) => sum + weights[filter * binCount + bin] * value, -target[filter]));
  let worst = 0;
  for (let bin = 0; bin < binCount; bin += 1) {
    let gradient = 0;
    for (let filter = 0; filter < melBins; filter += 1) gradient += weights[filter * binCount + bin] * residual[filter];
    if (x[bin] < 0) return Infinity;
    worst = Math.max(worst, x[bin] > 0 ? Math.abs(gradient) : -gradient);
  }
  return worst / (highest * target.reduce((a, b) => Math.max(a, b), 1e-300));
}

/** Slow and obvious: projected coordinate descent on the primal. Returns the squared residual, from above. */
function slowResidual({ weights, melBins, binCount }: MelFilterBank, target: Float64Array): number {
  const x = new Float64Array(binCount);
  const residual = target.slice(0, melBins).map((value) => -value);
  for (let sweep = 0; sweep < 1500; sweep += 1) {
    let moved = 0;
    for (let bin = 0; bin < binCount; bin += 1) {
      let gradient = 0;
      let curvature = 0;
      for (let filter = 0; filter < melBins; filter += 1) {
        gradient += weights[filter * binCount + bin] * residual[filter];
        curvature += weights[filter * binCount + bin] ** 2;
      }
      if (curvature === 0) continue;
      const next = Math.max(0, x[bin] - gradient / curvature);
      for (let filter = 0; filter < melBins; filter += 1) residual[filter] += weights[filter * binCount + bin] * (next - x[bin]);
      moved = Math.max(moved, Math.abs(next - x[bin]));
      x[bin] = next;
    }
    if (moved < 1e-12) break;
  }
  return residual.reduce((sum, value) => sum + value * value, 0);
}

function residualOf(bank: MelFilterBank, target: Float64Array, x: Float64Array): number {
  const got = new Float64Array(bank.melBins);
  applyMelFilterBank(bank, x, got);
  return got.reduce((sum, value, filter) => sum + (value - target[filter]) ** 2, 0);
}

/** Mel power of all loudnesses between floor and ceiling, some cells silent: harder than any sound. */
function wildTarget(melBins: number, seed: number): Float64Array {
  const random = createRandom(seed, 'nnls test');
  return Float64Array.from({ length: melBins }, () => (random.uniform() < 0.25 ? 0 : 10 ** (8.6 * random.uniform() - 8)));
}

describe('createMelNnls', () => {
  it('meets the optimality conditions on targets that no sound has', () => {
    const nnls = createMelNnls(full);
    const x = new Float64Array(full.binCount);
    for (let seed = 0; seed < 120; seed += 1) {
      const target = wildTarget(full.melBins, seed);
      expect(nnls.solve(target, x).violation).toBeLessThanOrEqual(NNLS_TOLERANCE);
      // 1e-7, because the matrix that is public is float32.
      expect(breachOfConditions(full, target, x)).toBeLessThan(1e-7);
    }
  });

  it('is never beaten by a slow solver, which comes near it', () => {
    const nnls = createMelNnls(small);
    const x = new Float64Array(small.binCount);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }), (values) => {
        const target = Float64Array.from(values);
        nnls.solve(target, x);
        const own = residualOf(small, target, x);
        const slow = slowResidual(small, target);
        // 1e-6, because the slow solver works on the float32 matrix.
        expect(own).toBeLessThanOrEqual(slow * (1 + 1e-6) + 1e-12);
        expect(slow).toBeLessThanOrEqual(own + 1e-3);
      }),
      { numRuns: 25 },
    );
  });

  it.each(['slaney', 'none'] as const)('reproduces what a spectrum gives, norm %s', (melNorm) => {
    const bank = melFilterBank({ sampleRateHz: 44100, fftSize: 2048, melBins: 96, minHz: 30, maxHz: 20000, melScale: 'slaney', melNorm });
    const nnls = createMelNnls(bank);
    const x = new Float64Array(bank.binCount);
    const target = new Float64Array(bank.melBins);
    const got = new Float64Array(bank.melBins);
    for (let seed = 0; seed < 20; seed += 1) {
      const random = createRandom(seed, 'spectrum');
      applyMelFilterBank(bank, Float64Array.from({ length: bank.binCount }, () => 10 ** (-4 * random.uniform())), target);
      nnls.solve(target, x);
      applyMelFilterBank(bank, x, got);
      expectClose(got, target, { relative: 1e-5, reason: '4e-5 dB; the tolerance of the solver is relative to the loudest cell' });
    }
  });

  it('does not depend on what was solved before', () => {
    const fresh = new Float64Array(full.binCount);
    const warm = new Float64Array(full.binCount);
    const target = wildTarget(full.melBins, 3).map((value) => Math.sqrt(value));
    createMelNnls(full).solve(target, fresh);
    const used = createMelNnls(full);
    used.solve(wildTarget(full.melBins, 4), warm);
    used.solve(target, warm);
    expectClose(warm, fresh, { absolute: 1e-6, reason: 'bins of equal merit may differ within the tolerance' });
    used.restart();
    used.solve(target, warm);
    expect(warm).toEqual(fresh);
  });

  it('starts each frame where the last one ended, which saves steps on frames that change slowly', () => {
    const [warm, cold] = [createMelNnls(full), createMelNnls(full)];
    const x = new Float64Array(full.binCount);
    const [from, to] = [wildTarget(full.melBins, 6), wildTarget(full.melBins, 7)];
    let steps = { warm: 0, cold: 0 };
    for (let frame = 0; frame < 40; frame += 1) {
      const target = from.map((value, row) => value + (to[row] - value) * frame * 0.001);
      cold.restart();
      steps = { warm: steps.warm + warm.solve(target, x).newtonSteps, cold: steps.cold + cold.solve(target, x).newtonSteps };
      expect(breachOfConditions(full, target, x)).toBeLessThan(1e-7);
    }
    expect(steps.warm).toBeLessThan(steps.cold);
  });

  it('scales with its target and turns silence into zeros', () => {
    const nnls = createMelNnls(full);
    const loud = new Float64Array(full.binCount);
    const quiet = new Float64Array(full.binCount);
    const target = wildTarget(full.melBins, 5);
    createMelNnls(full).solve(target, loud);
    nnls.solve(target.map((value) => value * 1e-6), quiet);
    expectClose(quiet, loud.map((value) => value * 1e-6), { absolute: 1e-14, relative: 1e-6 });
    nnls.solve(new Float64Array(full.melBins), quiet.fill(7));
    expect(quiet.every((value) => value === 0)).toBe(true);
  });

  it('refuses what is not finite', () => {
    expect(() => createMelNnls(small).solve(new Float64Array(8).fill(Number.NaN), new Float64Array(33))).toThrow(/nnls: target 0 is NaN/);
  });
});

describe('solveTridiagonal', () => {
  it('solves', () => {
    const diagonal = Float64Array.of(4, 5, 6, 7);
    const offDiagonal = Float64Array.of(1, -2, 3, 99);
    const x = Float64Array.of(1, -2, 3, 0.5);
    const right = Float64Array.of(4 - 2, 1 - 10 - 6, 4 + 18 + 1.5, 9 + 3.5);
    const out = new Float64Array(4);
    solveTridiagonal({ diagonal, offDiagonal, right, out, scratch: new Float64Array(4) });
    expectClose(out, x, { absolute: 1e-14 });
  });
});
