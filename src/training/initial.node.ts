// The weights that a run starts from when it has an initial pipeline: whether they fit the run, and networks made of them.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import { initialConflicts } from '../config/initial.js';
import { configurationError } from '../config/problems.js';
import type { RunConfig } from '../config/run-config.js';
import type { AutoencoderKL } from '../models/index.js';
import type { AnyUnet } from '../pipeline/any-unet.js';
import type { SchedulerSettings } from '../diffusion/scheduler-settings.js';
import { findPipeline } from '../pipeline/find-pipeline.node.js';
import type { FoundPipeline } from '../pipeline/found-pipeline.js';
import { initialDefaults } from '../pipeline/initial-defaults.node.js';
import { openUnet, openVae } from '../pipeline/open-networks.node.js';
import { isConditionConfig } from '../pipeline/unet-classes.js';
import { readText } from '../pipeline/text-folder.node.js';
import type { TextConditioner } from '../pipeline/text.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';

export interface InitialWeights {
  /** Hashes of configuration and weights; null when the folder has no UNet. Empty when it has no autoencoder. */
  readonly vaeHash: string;
  readonly unetHash: string | null;
  /** What was diffused there is (sample - shift) · scale. */
  readonly scale: number;
  readonly shift: number;
  /** How the folder samples, where it says so. */
  readonly scheduler: SchedulerSettings | undefined;
  /** Memory: the caller disposes. */
  createVae(): AutoencoderKL;
  /** Null when the folder has no UNet: a new one is trained then. Memory: the caller disposes. */
  createUnet(): AnyUnet | null;
  /** Tokenizer and text encoder; null when the folder has none. Memory: the caller disposes the encoder. */
  readText(): Promise<TextConditioner | null>;
}

/** Whether scale and shift of what is diffused stay those of the initial pipeline. */
export function hasKeptScale({ initialPipeline, vae }: Pick<RunConfig, 'initialPipeline' | 'vae'>): boolean {
  return initialPipeline !== null && (vae.latentScale === 'keep' || (vae.latentScale === 'auto' && !vae.trainable));
}

/**
 * Opens the initial pipeline of a run; null when it has none. Everything that does not fit is refused before any work; other mel settings
 * than the ones it was trained with are named in a warning, since learning them is what retraining is for.
 *
 * @throws MelstromError (configuration, checkpoint)
 */
export async function openInitial(config: RunConfig, labels: readonly string[], { log }: Reporter): Promise<InitialWeights | null> {
  if (config.initialPipeline === null) return null;
  const found = await findPipeline(config.initialPipeline);
  const conflicts = initialConflicts(config, initialDefaults(found, config));
  if (conflicts.length > 0) throw configurationError(`initialPipeline ${found.folder}`, conflicts);
  if (!config.vae.trainable && found.vae === null) {
    throw new MelstromError({ kind: 'configuration', where: 'vae.trainable', got: 'false', expected: 'an initialPipeline with an autoencoder' });
  }
  const newLabels = config.unet.classTable === 'new' ? labels : null;
  if (found.unet !== null && newLabels === null) requireSameLabels(found, labels);
  if (found.unet !== null && newLabels === null) requireOwnConditions(found.unet);
  warnOfOtherMel(found, config, log);
  const { initialChannels: channels } = config;
  log.info(`starts from ${found.folder}: ${[found.vae && 'autoencoder', found.unet && 'UNet'].filter(Boolean).join(' and ')}`);
  return {
    vaeHash: found.vae === null ? '' : await hashFolder(found.vae.folder),
    unetHash: found.unet === null ? null : await hashFolder(found.unet.folder),
    scale: found.latentScale,
    shift: found.latentShift,
    scheduler: found.scheduler ?? undefined,
    createVae: () => openVae(found.vae!, { channels }).network,
    createUnet: () => (found.unet === null ? null : openUnet({ ...found, unet: found.unet }, { channels, newLabels, isForInpainting: (config.unet.inpaintingShare ?? 0) > 0 }).network),
    readText: async () => (found.hasText ? readText(found.folder) : null),
  };
}

function requireSameLabels({ labels: known, hasNullClass, folder, unet }: FoundPipeline, labels: readonly string[]): void {
  const hasClasses = unet!.config.num_class_embeds !== null;
  if (!hasClasses && (labels.length === 0 || isConditionConfig(unet!.config))) return; // words take the place of labels
  if (hasClasses && hasNullClass && known.join('\n') === labels.join('\n')) return;
  const of = (names: readonly string[]): string => (names.length === 0 ? 'no labels' : names.join(', '));
  throw new MelstromError({
    kind: 'configuration',
    where: `initialPipeline ${folder}: labels`,
    got: hasClasses ? of(known) : 'a UNet without classes',
    expected: `those of the corpus: ${of(labels)}`,
    fix: 'Set unet.classTable to new for a table of the corpus\' labels, or corpus.labels to the same labels in the same order, or corpus.labelsFrom to none.',
  });
}

/** @throws MelstromError when the UNet is asked with vectors, such as AudioLDM's of prompts, that nothing here makes */
function requireOwnConditions({ config, folder }: NonNullable<FoundPipeline['unet']>): void {
  if (config.class_embed_type === null) return;
  throw new MelstromError({ kind: 'configuration', where: `${folder}: class_embed_type`, got: config.class_embed_type, expected: 'classes', fix: 'Set unet.classTable to new: a table of the corpus\' labels takes its place.' });
}

function warnOfOtherMel({ mel, folder }: FoundPipeline, config: RunConfig, log: Reporter['log']): void {
  if (mel === null) return;
  try {
    assertSameCodec(config.mel, mel, 'initialPipeline');
  } catch (error) {
    if (!(error instanceof MelstromError)) throw error;
    log.warn(`${folder} was trained with other mel settings, which its networks must unlearn: ${error.expected} there, ${error.got} here`);
  }
}

/** SHA-256 of a part's configuration and weights. Reads them once: about a second per gigabyte. */
async function hashFolder(folder: string): Promise<string> {
  const digest = createHash('sha256');
  const names = (await readdir(folder)).filter((name) => /^config\.json$|\.safetensors(\.index.*\.json)?$/.test(name)).toSorted();
  for (const name of names) {
    digest.update(`${name}\0`);
    for await (const piece of createReadStream(join(folder, name))) digest.update(piece as Uint8Array);
  }
  return digest.digest('hex');
}
