// A scheduler of every kind, and of every way of a kind that takes other steps, for contract tests.
import type { SchedulerSettings } from '../../src/diffusion/index.js';

const spaced = { spacing: 'trailing', stepsOffset: 0 } as const;
const sigmaSpaced = { ...spaced, sigmaSpacing: 'timesteps', sigmaMin: null, sigmaMax: null } as const;
const dpm = {
  kind: 'dpm', ...sigmaSpaced, endsAtZero: true, order: 2, solverType: 'midpoint', isStochastic: false, lowerOrderFinal: true, eulerAtFinal: false, smallestLogSnr: null,
} as const;

/** Steps that a scheduler of these can take at least. */
export function leastSteps(scheduler: SchedulerSettings): number {
  return scheduler.kind === 'pndm' && scheduler.startsWithRungeKutta ? 4 : 1;
}

/** Those that v-prediction and the others take; flow has its own. */
export const SCHEDULERS: readonly (readonly [string, SchedulerSettings])[] = [
  ['ddpm', { kind: 'ddpm', ...spaced, clipRange: null, variance: 'small' }],
  ['ddpm of large variance, clipped', { kind: 'ddpm', ...spaced, spacing: 'leading', clipRange: 1, variance: 'large' }],
  ['ddim', { kind: 'ddim', ...spaced, clipRange: null, endsAtZero: true }],
  ['ddim, clipped and leading', { kind: 'ddim', spacing: 'leading', stepsOffset: 1, clipRange: 1, endsAtZero: false }],
  ['pndm', { kind: 'pndm', spacing: 'leading', stepsOffset: 1, endsAtZero: false, startsWithRungeKutta: false }],
  ['pndm of Runge-Kutta steps', { kind: 'pndm', spacing: 'leading', stepsOffset: 0, endsAtZero: true, startsWithRungeKutta: true }],
  ['dpm', dpm],
  ['dpm of third order', { ...dpm, order: 3, solverType: 'heun', lowerOrderFinal: false }],
  ['dpm, stochastic on sigmas by Karras', { ...dpm, isStochastic: true, sigmaSpacing: 'karras' }],
  ['euler', { kind: 'euler', ...sigmaSpaced, endsAtZero: true }],
  ['euler ancestral', { kind: 'euler-ancestral', ...spaced }],
  ['heun', { kind: 'heun', ...sigmaSpaced, clipRange: null }],
];

export const FLOW: readonly [string, SchedulerSettings] = ['flow', { kind: 'flow', shift: 3 }];
