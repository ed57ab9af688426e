// What a run's saved pipeline holds of the stages that are not trained now, so that saving one stage's network loses no other's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter } from '../base/logger.js';
import { storedMel } from '../config/mel-layout.js';
import { loadPipeline } from '../pipeline/folder.node.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { listCheckpoints } from './checkpoint-store.node.js';
import { stateFolder } from './run-stage.node.js';
import type { StageName } from './stage.js';

interface KeptOptions {
  readonly runFolder: string;
  /** The stage whose network is wanted. */
  readonly stage: StageName;
  /** The pipeline without it, as it would be saved now. */
  readonly around: Pipeline;
  readonly log: Reporter['log'];
}

/**
 * Opens the run's pipeline for the networks of another stage; null when that stage was not trained, or under other settings, which is
 * said. Memory: the caller disposes.
 *
 * @throws MelstromError when the folder is damaged
 */
export async function openKept({ runFolder, stage, around, log }: KeptOptions): Promise<Pipeline | null> {
  const folder = join(runFolder, 'pipeline');
  if (!existsSync(join(folder, 'model_index.json')) || (await listCheckpoints(stateFolder(runFolder, stage))).length === 0) return null;
  const kept = await loadPipeline(folder);
  if (settingsOf(kept) === settingsOf(around)) return kept;
  kept.dispose();
  log.warn(`the ${stage} in ${folder} was trained under other settings and is left out; train it anew`);
  return null;
}

/** What networks of one pipeline must have in common. */
function settingsOf({ mel, representation, diffusion, latentScale, latentShift, upscaler }: Pipeline): string {
  const sorted = (block: object): [string, unknown][] => Object.entries(block).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(storedMel(mel)), representation, sorted(diffusion), latentScale, latentShift, upscaler?.factor ?? null]);
}
