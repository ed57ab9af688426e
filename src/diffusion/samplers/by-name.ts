// The samplers under the names that a configuration and the command line use.
import { sampleDdim } from './ddim.js';
import { sampleDdpm } from './ddpm.js';
import { sampleDpmpp2m } from './dpmpp-2m.js';
import { sampleEulerAncestral } from './euler-ancestral.js';
import { sampleEuler } from './euler.js';
import { sampleHeun } from './heun.js';
import { samplePndm } from './pndm.js';
import type { Sampler } from './sampler.js';

export const SAMPLER_NAMES = ['dpmpp2m', 'ddim', 'ddpm', 'euler', 'euler-ancestral', 'heun', 'pndm'] as const;

export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** The sampler of that name. `eta` is heard by ddim alone. */
export function samplerByName<C>(name: SamplerName, { eta = 0 }: { eta?: number } = {}): Sampler<C> {
  switch (name) {
    case 'dpmpp2m':
      return sampleDpmpp2m;
    case 'euler':
      return sampleEuler;
    case 'euler-ancestral':
      return sampleEulerAncestral;
    case 'heun':
      return sampleHeun;
    case 'pndm':
      return samplePndm;
    case 'ddpm':
      return sampleDdpm;
    case 'ddim':
      return (options) => sampleDdim({ ...options, eta });
  }
}
