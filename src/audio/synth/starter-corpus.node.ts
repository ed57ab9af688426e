// Writes the starter corpus: every recipe, in several groups of several takes, with a manifest and a README.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError } from '../../base/errors.js';
import type { Reporter } from '../../base/logger.js';
import { writeWav } from '../encode.node.js';
import { refuseExisting, writeWhole } from '../write-whole.node.js';
import { describeStarterCorpus } from './describe-corpus.js';
import { STARTER_RECIPES } from './recipes.js';
import { renderTake } from './render-take.node.js';
import type { Recipe, Take } from './stage.js';

/** Different instruments of one kind per label, and how often each is played. */
export const GROUP_COUNT = 6;
export const TAKES_PER_GROUP = 5;

export interface StarterCorpusOptions {
  /** Default 0, the seed of the corpus in the repository. */
  readonly seed?: number;
  /** Whether clips that are already there may be replaced. Default false. */
  readonly force?: boolean;
  readonly reporter: Reporter;
}

/** One clip of the corpus before it is rendered. */
export interface PlannedClip {
  readonly recipe: Recipe;
  readonly take: Take;
  /** Relative to the corpus's folder, with forward slashes. */
  readonly path: string;
}

/** Lists all clips of the corpus that a seed gives. */
export function planStarterCorpus(seed: number): PlannedClip[] {
  return STARTER_RECIPES.flatMap((recipe) =>
    Array.from({ length: GROUP_COUNT * TAKES_PER_GROUP }, (_, index) => ({
      recipe,
      take: { seed, label: recipe.label, group: Math.floor(index / TAKES_PER_GROUP), take: index % TAKES_PER_GROUP },
      path: `${recipe.label}/${recipe.label}-${String(index + 1).padStart(2, '0')}.wav`,
    })),
  );
}

/**
 * Renders the corpus into a folder, which is made when it is not there; other files in it stay. The same seed gives the same bytes.
 *
 * @throws MelstromError when a clip is already there and force is not set, or when node-web-audio-api does not load
 */
export async function writeStarterCorpus(folder: string, { seed = 0, force = false, reporter }: StarterCorpusOptions): Promise<void> {
  const clips = planStarterCorpus(seed);
  const texts = describeStarterCorpus(seed, clips);
  if (!force) for (const path of [...Object.keys(texts), ...clips.map((clip) => clip.path)]) await refuseExisting(join(folder, path));
  for (const { label } of STARTER_RECIPES) await makeFolder(join(folder, label));
  const progress = reporter.startProgress('starter corpus', clips.length, 'clips');
  try {
    for (const [index, { recipe, take, path }] of clips.entries()) {
      await writeWav(join(folder, path), await renderTake(recipe, take), { bitDepth: 16, seed: index, force });
      progress.update(index + 1, { label: recipe.label });
    }
  } finally {
    progress.end();
  }
  for (const [name, text] of Object.entries(texts)) await writeWhole(join(folder, name), text, { force });
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw new MelstromError({ kind: 'data', where: path, got: `the folder cannot be made (${(cause as { code?: string }).code ?? String(cause)})`, cause });
  });
}
