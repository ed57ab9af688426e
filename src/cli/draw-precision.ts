// The precision that commands draw in: the one that the run was trained in, unless one is asked for.
import { Option } from 'commander';
import { withConvPrecision, type ConvPrecision } from '../engine/ops/index.js';
import type { OpenRun } from './open-run.js';

export type PrecisionChoice = ConvPrecision | 'auto';

export const PRECISION_CHOICES: readonly PrecisionChoice[] = ['auto', 'float32', 'bfloat16'];

/** The flag of every command that draws clips. */
export function precisionOption(otherwise = "the run's own; float32 for a pipeline folder"): Option {
  return new Option('--precision <name>', `of convolutions and matrix products; bfloat16 is faster, auto takes it where the processor has it (default: ${otherwise})`).choices(PRECISION_CHOICES);
}

/**
 * Runs `body` in the precision that is asked for, else in that of the run's configuration, as far as the processor has it. A bare pipeline
 * folder, such as one of diffusers, is drawn from in float32, so that it gives what the reference gives.
 *
 * @throws MelstromError of kind 'engine' when bfloat16 is asked for where the processor has none
 */
export function inDrawPrecision<T>({ config }: Pick<OpenRun, 'config'>, { precision }: { readonly precision?: PrecisionChoice }, body: () => T): T {
  const own = config === null || config.precision === 'float32' ? 'float32' : 'auto';
  return withConvPrecision(precision ?? own, body);
}
