// Finds the pipeline of a run folder, so that every command accepts either a run or a pipeline folder.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import { generationSchema, type GenerationConfig } from '../config/generation.js';
import { parseRunConfig, type RunConfig } from '../config/run-config.js';
import { loadPipeline } from '../pipeline/folder.node.js';
import type { Pipeline } from '../pipeline/pipeline.js';

export interface OpenRun {
  readonly pipeline: Pipeline;
  /** The run's own defaults of generation; for a bare pipeline folder the built-in ones with its own scheduler, and the level that guidance makes. */
  readonly generation: GenerationConfig;
  /** The run's resolved configuration; null for a bare pipeline folder. */
  readonly config: RunConfig | null;
}

/**
 * Opens a run folder (its `pipeline/`) or a pipeline folder.
 *
 * @throws MelstromError when the folder holds neither.
 */
export async function openRun(folder: string): Promise<OpenRun> {
  const inside = join(folder, 'pipeline');
  const isRun = existsSync(join(folder, 'config.yaml'));
  const pipelineFolder = isRun ? inside : folder;
  if (!isRun && !existsSync(join(folder, 'model_index.json'))) {
    throw new MelstromError({
      kind: 'usage', where: folder, got: 'no model_index.json', expected: 'a run folder with a saved pipeline, or a pipeline folder',
      fix: 'Train first: melstrom train <config>.',
    });
  }
  const configPath = join(folder, 'config.yaml');
  const config = existsSync(configPath) ? parseRunConfig(readFileSync(configPath, 'utf8'), configPath) : null;
  const pipeline = await loadPipeline(pipelineFolder);
  return { pipeline, generation: config?.generation ?? generationSchema.parse({ sampler: 'scheduler', levelSteps: 0 }), config };
}
