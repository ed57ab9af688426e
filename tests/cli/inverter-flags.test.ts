import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addInverterFlags, inverterOptions, withInverterFlags, type InverterFlags } from '../../src/cli/inverter-flags.js';
import { createProgram } from '../../src/cli/program.js';
import { generationSchema } from '../../src/config/generation.js';

function parse(...args: readonly string[]): InverterFlags {
  return addInverterFlags(new Command().exitOverride().configureOutput({ writeErr: () => undefined }), 'the run').parse(args, { from: 'user' }).opts();
}

describe('the flags of the inverter', () => {
  it('override what the configuration says, and nothing else', () => {
    const generation = generationSchema.parse({ griffinLimIterations: 8, phaseMethod: 'admm', steps: 5 });
    expect(inverterOptions(withInverterFlags(generation, parse()))).toEqual({ iterations: 8, method: 'admm', start: 'pghi', isRefined: true });
    const flags = parse('--iterations', '3', '--phase-method', 'fast', '--phase-start', 'random', '--magnitudes', 'fixed');
    expect(withInverterFlags(generation, flags)).toEqual({ ...generation, griffinLimIterations: 3, phaseMethod: 'fast', phaseStart: 'random', magnitudes: 'fixed' });
    expect(inverterOptions(withInverterFlags(generation, flags))).toEqual({ iterations: 3, method: 'fast', start: 'random', isRefined: false });
  });

  it('refuse what no inverter knows', () => {
    expect(() => parse('--phase-method', 'slow')).toThrow(/Allowed choices are staged, fast, accelerated, admm/);
    expect(() => parse('--phase-start', 'zero')).toThrow(/Allowed choices are pghi, random/);
    expect(() => parse('--magnitudes', 'loud')).toThrow(/Allowed choices are refined, fixed/);
    expect(() => parse('--iterations', '-1')).toThrow(/expected an integer of at least 0/);
  });

  it.each(['generate', 'reconstruct', 'decode'])('belong to %s', (name) => {
    const command = createProgram().commands.find((one) => one.name() === name);
    const flags = command?.options.map(({ long }) => long) ?? [];
    expect(['--iterations', '--phase-method', '--phase-start', '--magnitudes'].filter((flag) => !flags.includes(flag))).toEqual([]);
  });
});
