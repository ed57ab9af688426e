import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNoiseSchedule, karrasSigmas, TERMINAL_ALPHA_CUMPROD, trainingTimestep, type BetaSchedule, type NoiseSettings } from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';

interface Fixture {
  readonly kept: readonly number[];
  readonly cases: readonly { betaSchedule: BetaSchedule; betaStart: number; betaEnd: number; zeroTerminalSnr: boolean; alphasCumprod: number[] }[];
  readonly timesteps: Readonly<Record<string, number[]>>;
}
const fixture = JSON.parse(readFileSync(new URL('fixtures/schedules.json', import.meta.url), 'utf8')) as Fixture;

const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: true };
const variants: readonly NoiseSettings[] = [
  ...(['linear', 'scaled_linear', 'squaredcos_cap_v2'] as const).flatMap((betaSchedule) =>
    [true, false].map((zeroTerminalSnr) => ({ ...base, betaSchedule, zeroTerminalSnr })),
  ),
  { ...base, predictionType: 'flow' },
];
const nameOf = (settings: NoiseSettings): string => `${settings.predictionType === 'flow' ? 'flow' : settings.betaSchedule}${settings.zeroTerminalSnr ? ' to zero' : ''}`;

describe('schedule against diffusers', () => {
  it.each(fixture.cases.map((entry) => [`${entry.betaSchedule} ${entry.zeroTerminalSnr ? 'to zero' : 'as it is'}`, entry] as const))('%s', (_, entry) => {
    const { alphasCumprod } = createNoiseSchedule({ ...base, ...entry });
    expectClose(fixture.kept.map((index) => alphasCumprod[index]), entry.alphasCumprod, { relative: entry.zeroTerminalSnr ? 1e-6 : 1e-15, reason: 'rescaling divides in float32, some of whose last digits are the engine\'s own' });
  });

  it('visits the same timesteps', () => {
    const schedule = createNoiseSchedule(base);
    for (const [steps, expected] of Object.entries(fixture.timesteps)) expect(Array.from(schedule.timesteps(Number(steps)))).toEqual(expected);
  });
});

describe.each(variants.map((settings) => [nameOf(settings), settings] as const))('schedule %s', (_, settings) => {
  const schedule = createNoiseSchedule(settings);

  it('has sigmas that strictly fall to 0 for 1 to 50 steps and for the most', () => {
    for (const steps of [...Array.from({ length: 50 }, (_, index) => index + 1), 333, 999, 1000]) {
      for (const spacing of ['trailing', 'karras', 'exponential'] as const) {
        const sigmas = schedule.sigmas(steps, spacing);
        expect(sigmas.length).toBe(steps + 1);
        expect(sigmas[0]).toBeCloseTo(schedule.sigmaAt(schedule.lastTimestep), 6);
        expect(sigmas[steps]).toBe(0);
        expect(sigmas.every((sigma, index) => index === 0 || sigma < sigmas[index - 1])).toBe(true);
      }
    }
  });

  it('finds the timestep of a sigma again, also between two', () => {
    fc.assert(
      fc.property(fc.double({ min: schedule.firstTimestep, max: schedule.lastTimestep, noNaN: true }), (timestep) => {
        expect(schedule.timestepAt(schedule.sigmaAt(timestep))).toBeCloseTo(timestep, 6);
      }),
    );
    for (const timestep of schedule.timesteps(1000)) expect(schedule.timestepAt(schedule.sigmaAt(timestep))).toBe(timestep);
  });

  it('holds sigmas beyond its ends to the ends', () => {
    expect(schedule.timestepAt(1e9)).toBe(schedule.lastTimestep);
    expect(schedule.timestepAt(0)).toBe(schedule.firstTimestep);
  });

  it('keeps its path: power 1, or for flow amplitude 1', () => {
    for (const timestep of schedule.timesteps(97)) {
      const { signal, noise } = schedule.mixAt(timestep);
      expect(schedule.settings.predictionType === 'flow' ? signal + noise : signal ** 2 + noise ** 2).toBeCloseTo(1, 12);
      expect(noise / signal).toBeCloseTo(schedule.sigmaAt(timestep), 9);
    }
  });

  it('draws training timesteps from first to last', () => {
    expect(trainingTimestep(schedule, 0)).toBe(schedule.firstTimestep);
    expect(trainingTimestep(schedule, 1 - 2 ** -53)).toBe(schedule.lastTimestep);
  });
});

describe('schedule', () => {
  it('ends in noise alone when told to, and for flow', () => {
    for (const settings of variants) {
      const schedule = createNoiseSchedule(settings);
      expect(schedule.endsInNoise).toBe(settings.zeroTerminalSnr || settings.predictionType === 'flow');
      if (schedule.endsInNoise) expect(schedule.alphasCumprod[999]).toBeCloseTo(TERMINAL_ALPHA_CUMPROD, 15);
    }
    expect(createNoiseSchedule(base).sigmaAt(999)).toBeCloseTo(4096, 3);
    expect(createNoiseSchedule({ ...base, zeroTerminalSnr: false }).sigmaAt(999)).toBeCloseTo(14.61, 2);
  });

  it('keeps the first timestep when it is rescaled', () => {
    expect(createNoiseSchedule(base).alphasCumprod[0]).toBeCloseTo(1 - 0.00085, 7); // float32, as the reference has it
  });

  it('refuses no step, more steps than timesteps, and a timestep outside', () => {
    const schedule = createNoiseSchedule(base);
    expect(() => schedule.sigmas(0)).toThrow('steps');
    expect(() => schedule.sigmas(1001)).toThrow('more steps than the training');
    expect(() => schedule.sigmaAt(1000)).toThrow('timestep');
    expect(() => createNoiseSchedule({ ...base, trainTimesteps: 1 })).toThrow('trainTimesteps');
  });

  it('spaces Karras sigmas evenly in the root of rho', () => {
    const sigmas = karrasSigmas({ steps: 3, largest: 80, smallest: 0.002, rho: 7 });
    expect(sigmas[1] ** (1 / 7)).toBeCloseTo((80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2, 12);
    expect(Array.from(karrasSigmas({ steps: 1, largest: 80, smallest: 0.002 }))).toEqual([80, 0]);
  });
});
