// The flags of commands that turn mel images into sound, and the inverter that they and a run's configuration ask for.
import { Option, type Command } from 'commander';
import type { GenerationConfig } from '../config/generation.js';
import { PHASE_METHODS, PHASE_STARTS } from '../dsp/recover-signal.js';
import type { GriffinLimVocoderOptions } from '../vocoder/griffin-lim-vocoder.js';
import { integer } from './arguments.js';

/** The part of a run's `generation` that the inverter obeys. */
export type InverterSettings = Pick<GenerationConfig, 'griffinLimIterations' | 'phaseMethod' | 'phaseStart' | 'magnitudes'>;

export interface InverterFlags {
  readonly iterations?: number;
  readonly phaseMethod?: InverterSettings['phaseMethod'];
  readonly phaseStart?: InverterSettings['phaseStart'];
  readonly magnitudes?: InverterSettings['magnitudes'];
}

/** Adds the flags to a command. */
export function addInverterFlags(command: Command, otherwise: string): Command {
  return command
    .option('--iterations <n>', `iterations that find the phase (default: ${otherwise}, 32)`, integer(0))
    .addOption(new Option('--phase-method <name>', `how they find it (default: ${otherwise}, staged)`).choices(PHASE_METHODS))
    .addOption(new Option('--phase-start <name>', `from the magnitudes' slopes, or random (default: ${otherwise}, pghi)`).choices(PHASE_STARTS))
    .addOption(new Option('--magnitudes <kind>', `refined follow the sound under the mel image, fixed stay as least squares gave them (default: ${otherwise}, refined)`).choices(['refined', 'fixed']));
}

/** The settings with what flags override. */
export function withInverterFlags<T extends InverterSettings>(settings: T, { iterations, phaseMethod, phaseStart, magnitudes }: InverterFlags): T {
  const given = { griffinLimIterations: iterations, phaseMethod, phaseStart, magnitudes };
  return { ...settings, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/** The options of the vocoder that settings ask for. */
export function inverterOptions({ griffinLimIterations, phaseMethod, phaseStart, magnitudes }: InverterSettings): GriffinLimVocoderOptions {
  return { iterations: griffinLimIterations, method: phaseMethod, start: phaseStart, isRefined: magnitudes === 'refined' };
}
