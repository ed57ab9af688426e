// `melstrom combine`: new clips after several labels or prompts at weights.
import type { Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import { combineClips } from '../../generation/index.js';
import { integer } from '../arguments.js';
import { levelStepsOption, seedsOf } from '../draw-flags.js';
import { addOperationFlags, type OperationFlags } from '../operation-flags.js';
import { runOperation } from '../run-operation.js';
import { workersOption } from '../workers-flag.js';

/** Adds the command to the program. */
export function addCombine(program: Command): void {
  const command = program
    .command('combine')
    .description('draw new clips after several labels or prompts at weights, as in --label kick:0.7 --label tom:0.3')
    .argument('<run>', 'run folder, or a pipeline folder')
    .option('--count <n>', 'number of clips', integer(1), 8)
    .addOption(levelStepsOption())
    .addOption(workersOption());
  addOperationFlags(command).action(async (run: string, flags: OperationFlags & { readonly count: number }) => {
    await runOperation({
      name: 'combine', run, flags, command, inversions: flags.count,
      plan: async ({ pipeline }, shared, mix) => {
        if (mix.parts!.length + mix.negative!.length === 0) {
          throw new MelstromError({ kind: 'usage', where: 'combine', got: 'nothing to combine', expected: 'some of --label, --prompt, --negative-label and --negative-prompt', fix: 'Use generate to draw without.' });
        }
        const seeds = seedsOf(flags, flags.count);
        const title = mix.parts!.map(({ label, prompt }) => (label === undefined ? prompt : pipeline.labels[label!])).join('+') || 'combine';
        return { clips: combineClips(pipeline, { ...shared, seeds, mixes: seeds.map(() => mix) }), seeds, titles: seeds.map(() => title) };
      },
    });
  });
}
