// Whether a checkpoint may be resumed under a configuration: what must agree, and what may be changed knowingly. Pure.
import { convPrecision } from '../engine/ops/index.js';
import { MelstromError } from '../base/errors.js';
import { storedMel } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import type { StageName } from './stage.js';

/** Keys of a training block that change nothing about the weights of a step. */
const HARMLESS: readonly string[] = ['maxMinutes', 'validateEvery', 'previewEvery', 'checkpointEvery', 'keepCheckpoints', 'patience', 'gradientCheckpointing'];
/** Keys without which the checkpoint makes no sense: another network, other data. */
const BINDING = /^(seed|initialPipeline|initialChannels|unet\.classTable|labels|mel|representation|corpus|diffusion|(vae|unet|upscaler|vocoder)\.(kind|factor|network|conditionNetwork)|vocoder\.loss\.fftSizes|(vae|vocoder)\.loss\.discriminatorWeight|(vae|vocoder)\.discriminator\.(channels|layers))(\.|$)/;

/** Keys that mean nothing without an initial pipeline, or nothing to the weights of a stage that trains. */
const OF_INITIAL: readonly string[] = ['vae.trainable', 'vae.latentScale', 'unet.classTable'];

/** Keys that mean nothing where the UNet attends to no text. */
const OF_TEXT: readonly string[] = ['unet.conditionNetwork', 'unet.captionDropout', 'corpus.captionColumn'];

/**
 * The part of a configuration that a stage's weights depend on, by key path, as JSON texts.
 *
 * @param initialHash of the files that the stage starts from; null when it starts from nothing. The folder itself may move
 */
export function relevantKeys(config: RunConfig, { labels, stage, initialHash }: { readonly labels: readonly string[]; readonly stage: StageName; readonly initialHash: string | null }): Record<string, string> {
  const { seed, mel, representation, unet, initialChannels } = config;
  const { path: _path, manifest: _manifest, maxBadShare: _share, ...corpus } = config.corpus; // a corpus may move
  const own = ownBlocks(config, stage);
  const keys: Record<string, string> = {};
  const initial = initialHash === null ? {} : { initialPipeline: initialHash, initialChannels, 'unet.classTable': unet.classTable };
  flatten({ seed, labels, precision: convPrecision(), mel: storedMel(mel), representation, corpus, ...own }, '', keys);
  for (const name of OF_INITIAL) delete keys[name];
  delete keys['unet.textEncoder']; // it may move: what it makes of captions is checked
  if (unet.conditionNetwork === null) for (const name of OF_TEXT) delete keys[name];
  flatten(initial, '', keys);
  for (const name of HARMLESS) delete keys[`${stage}.training.${name}`];
  return keys;
}

/** The blocks of a stage. Of an upscaler the UNet before it knows the factor alone: the size of its images. */
function ownBlocks({ vae, unet, upscaler, vocoder, diffusion }: RunConfig, stage: StageName): object {
  if (stage === 'vae') return { vae };
  if (stage === 'vocoder') return { vocoder };
  if (stage === 'upscaler') return { upscaler, diffusion };
  return { unet, diffusion, ...(upscaler === null ? {} : { upscaler: { factor: upscaler.factor } }) };
}

/**
 * Compares what a checkpoint was made with to what is asked for.
 *
 * @returns key paths that differ but may: the run goes on, though not as one that never stopped
 * @throws MelstromError (checkpoint) naming the keys that must not differ
 */
export function checkResumable(saved: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>, where: string): string[] {
  const paths = [...new Set([...Object.keys(saved), ...Object.keys(wanted)])].filter((path) => saved[path] !== wanted[path]);
  const binding = paths.filter((path) => BINDING.test(path) && isBindingChange(path, saved[path], wanted[path]));
  if (binding.length === 0) return paths;
  const [first] = binding;
  throw new MelstromError({
    kind: 'checkpoint',
    where: `${where}: ${binding.join(', ')}`,
    got: `a checkpoint made with ${first} ${saved[first] ?? 'absent'}`,
    expected: `${wanted[first] ?? 'absent'}, as configured`,
    fix: 'Set it back to resume, or train into another run folder.',
  });
}

/** The discriminator's weight may change, but not between with and without one. */
function isBindingChange(path: string, saved: string, wanted: string): boolean {
  return !path.endsWith('.loss.discriminatorWeight') || (saved === '0') !== (wanted === '0');
}

function flatten(value: unknown, path: string, into: Record<string, string>): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, path === '' ? key : `${path}.${key}`, into);
  } else {
    into[path] = JSON.stringify(value);
  }
}
