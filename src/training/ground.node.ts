// What the UNet stands on: clean samples of about unit deviation, from latents of the trained autoencoder or from images.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import type { DerivedNetworks } from '../config/derive.js';
import { storedMel } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import { createAutoencoderKL, encodeOneChannel, type AutoencoderKL } from '../models/index.js';
import { loadLatestCheckpoint } from './checkpoint-store.node.js';
import { createPixelSource, createReducedSource, type CleanSource } from './clean-source.js';
import { fixedBatches, imagesToTensor, type SliceSource } from './corpus-source.js';
import { hasKeptScale, type InitialWeights } from './initial.node.js';
import { openLatentCache } from './latent-cache.node.js';
import { createLatentStatistics, type LatentStatistics } from './latent-statistics.js';
import { stateFolder } from './run-stage.node.js';
import { readTensors, restoreParameters, STATE_FILES } from './trainer-state.js';

export interface Ground {
  /** Null for pixels. */
  readonly vae: AutoencoderKL | null;
  /** What is diffused is (sample - shift) · scale. */
  readonly scale: number;
  readonly shift: number;
  /** What the UNet is trained on: latents, or images, averaged down where an upscaler follows. */
  readonly source: CleanSource;
  /** Changes with the autoencoder and the corpus. */
  readonly key: string;
  dispose(): void;
}

export interface GroundOptions {
  readonly config: RunConfig;
  readonly corpus: SliceSource;
  readonly runFolder: string;
  readonly networks: DerivedNetworks;
  /** Null when the run starts from nothing. */
  readonly initial: InitialWeights | null;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** Slices that an estimate looks at, at most. */
const ESTIMATE_LIMIT = 64;

/** Null when the signal came meanwhile. Memory: dispose frees the autoencoder and closes files. */
export async function layGround(options: GroundOptions): Promise<Ground | null> {
  return options.config.representation === 'pixel' ? pixelGround(options) : latentGround(options);
}

async function pixelGround({ config, corpus, initial, reporter }: GroundOptions): Promise<Ground> {
  const kept = keptStandard(config, initial, reporter);
  const standard = kept ?? standardise(await imageStatistics(corpus, config.unet.training.batchSize), reporter, 'image');
  const whole = createPixelSource(corpus, { seed: config.seed, augment: config.unet.training.augment, standardise: standard });
  const source = config.upscaler === null ? whole : createReducedSource(whole, config.upscaler.factor);
  return { vae: null, ...standard, source, key: hash('pixel', corpusIdentity(corpus), JSON.stringify(standard)), dispose: () => source.close() };
}

async function latentGround({ config, corpus, runFolder, networks, initial, reporter, signal }: GroundOptions): Promise<Ground | null> {
  const isFrozen = initial !== null && !config.vae.trainable;
  const { vae, weightsHash } = isFrozen ? { vae: initial.createVae(), weightsHash: initial.vaeHash } : await loadTrainedVae({ config, runFolder, networks, reporter });
  try {
    const { augment, batchSize } = config.unet.training;
    const kept = keptStandard(config, initial, reporter);
    const key = hash(weightsHash, corpusIdentity(corpus), JSON.stringify({ augment, seed: config.seed, kind: config.vae.kind, mel: storedMel(config.mel), ...(kept && { kept }) }));
    const cache = await openLatentCache({
      path: join(runFolder, 'state', 'latents.f32'), vae, kind: config.vae.kind, corpus, augment, seed: config.seed, batchSize,
      balanceLabels: config.corpus.balanceLabels, key, reporter, signal,
    });
    if (cache === null) {
      vae.dispose();
      return null;
    }
    const standard = kept ?? standardise(cache.statistics, reporter, 'latent');
    const dispose = (): void => {
      cache.close();
      vae.dispose();
    };
    return { vae, ...standard, source: cache.source(standard), key, dispose };
  } catch (error) {
    vae.dispose();
    throw error;
  }
}

/** The scale of the initial pipeline, where it is to be kept. */
function keptStandard(config: RunConfig, initial: InitialWeights | null, reporter: Reporter): { scale: number; shift: number } | null {
  if (initial === null || !hasKeptScale(config)) return null;
  const { scale, shift } = initial;
  reporter.log.info(`scale ${scale.toPrecision(5)} and shift ${shift.toPrecision(3)} are those of the initial pipeline`);
  return { scale, shift };
}

/** The averages of the latest checkpoint of the autoencoder's stage. */
async function loadTrainedVae({ config, runFolder, networks, reporter }: Omit<GroundOptions, 'corpus' | 'signal' | 'initial'>): Promise<{ vae: AutoencoderKL; weightsHash: string }> {
  const folder = stateFolder(runFolder, 'vae');
  const checkpoint = await loadLatestCheckpoint(folder, reporter.log);
  if (checkpoint === null) {
    throw new MelstromError({ kind: 'checkpoint', where: folder, got: 'no checkpoint of an autoencoder', expected: 'one, since the UNet works on its latents', fix: 'Train with --stage vae first, or --stage all.' });
  }
  const { steps } = config.vae.training;
  if (checkpoint.step < steps) reporter.log.info(`unet: works on an autoencoder of ${checkpoint.step} of ${steps} steps`);
  const where = join(folder, `step-${checkpoint.step}`);
  const averages = readTensors(checkpoint.files, STATE_FILES.ema, where);
  const vae = createAutoencoderKL(networks.vae, { seed: null });
  try {
    restoreParameters(vae.parameters, averages, where);
  } catch (error) {
    vae.dispose();
    throw error;
  }
  return { vae, weightsHash: hash(checkpoint.files.get(STATE_FILES.ema)!) };
}

/** Scale and shift from a few slices, for pipelines saved while the autoencoder still trains. */
export async function estimateLatents(vae: AutoencoderKL, config: RunConfig, corpus: SliceSource): Promise<{ scale: number; shift: number }> {
  const statistics = createLatentStatistics(vae.config.latent_channels);
  for await (const batch of fixedBatches(corpus, { split: 'train', batchSize: config.vae.training.batchSize, limit: ESTIMATE_LIMIT })) {
    const stacked = tf.tidy(() => {
      const { mean, logVariance } = encodeOneChannel(vae, imagesToTensor(batch, corpus.mel));
      return tf.stack([mean, config.vae.kind === 'kl' ? tf.exp(tf.mul(logVariance, 0.5)) : tf.zerosLike(mean)], 1);
    });
    statistics.add(stacked.dataSync<'float32'>(), stacked.size / stacked.shape[0] / 2);
    stacked.dispose();
  }
  const { mean, deviation } = statistics.result();
  return { scale: 1 / Math.max(deviation, 1e-6), shift: mean };
}

async function imageStatistics(corpus: SliceSource, batchSize: number): Promise<LatentStatistics> {
  const statistics = createLatentStatistics(1);
  for await (const { images, labels } of fixedBatches(corpus, { split: 'train', batchSize, limit: Infinity })) {
    const size = images.length / labels.length;
    for (let item = 0; item < labels.length; item += 1) {
      const record = new Float32Array(2 * size); // deviations of 0: an image is what it is
      record.set(images.subarray(item * size, (item + 1) * size));
      statistics.add(record, size);
    }
  }
  return statistics.result();
}

function standardise({ mean, deviation, channelDeviations }: LatentStatistics, reporter: Reporter, what: string): { scale: number; shift: number } {
  if (!(deviation > 1e-6)) {
    throw new MelstromError({ kind: 'numeric', where: `${what} scale`, got: `${what}s that are all alike (deviation ${deviation})`, expected: 'some spread', fix: what === 'latent' ? 'The autoencoder has collapsed: lower vae.loss.klWeightPerSummedElement, or train it for longer.' : 'The corpus is silent throughout.' });
  }
  const channels = channelDeviations.length > 1 ? `, per channel ${channelDeviations.map((value) => value.toPrecision(3)).join(' ')}` : '';
  reporter.log.info(`${what}s: mean ${mean.toPrecision(3)}, deviation ${deviation.toPrecision(3)}${channels}; scale ${(1 / deviation).toPrecision(5)}`);
  return { scale: 1 / deviation, shift: mean };
}

/** A prepared corpus names its content; without a name, counts and labels stand for it. */
function corpusIdentity(corpus: SliceSource): string {
  return corpus.key ?? JSON.stringify([corpus.labels, corpus.sliceCount('train'), corpus.sliceCount('validation')]);
}

function hash(...parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part).update('\0');
  return digest.digest('hex');
}
