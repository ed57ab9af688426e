// The vocoder's stage in a run: its sounds, its network, and the part of the pipeline that it leaves. What a step is, is in vocoder-stage.ts.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import { monoMel } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import { deriveVocos } from '../config/vocoder.js';
import { findVocoder, openVocoder, saveVocoder } from '../pipeline/vocoder-folder.node.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import { beatsInverter, createVocoderNetwork, type VocoderMeasure, type VocoderNetwork } from '../vocoder/vocoder-network.js';
import { listCheckpoints } from './checkpoint-store.node.js';
import type { SliceSource } from './corpus-source.js';
import type { Preview } from './previews.node.js';
import { runStage, stateFolder, type RunStageOptions } from './run-stage.node.js';
import { openSoundCache } from './sound-cache.node.js';
import { createSoundWindows } from './sound-windows.js';
import type { StageResult } from './stage.js';
import { createVocoderStage } from './vocoder-stage.js';

/** Makes previews of a vocoder, with the average of the weights in place. It must not be disposed of. */
export type VocoderPreviewCallback = (request: { readonly vocoder: VocoderNetwork; readonly step: number }) => Promise<readonly Preview[]>;

export interface TrainVocoderOptions extends Pick<RunStageOptions, 'runFolder' | 'resume' | 'onStart' | 'reporter' | 'signal'> {
  readonly config: RunConfig;
  readonly corpus: SliceSource;
  readonly vocoderPreviews?: VocoderPreviewCallback;
}

/** @throws MelstromError (configuration) where the configuration has no vocoder */
export function requireVocoder({ vocoder }: RunConfig): NonNullable<RunConfig['vocoder']> {
  if (vocoder !== null) return vocoder;
  throw new MelstromError({ kind: 'configuration', where: 'vocoder', got: 'null, so that there is no vocoder to train', expected: 'a block', fix: 'Train another stage, or add the block vocoder, for example vocoder: { training: { steps: 10000 } }.' });
}

/** Trains the vocoder on windows of the corpus' recordings, so that it needs no other network. Null when the signal came before its first step. */
export async function trainVocoder(options: TrainVocoderOptions): Promise<StageResult | null> {
  const { config, corpus, runFolder, reporter, signal, vocoderPreviews } = options;
  const { network, loss, training, discriminator, windowFrames, speeds } = requireVocoder(config);
  const { seed } = config;
  const mel = monoMel(config.mel); // of stereo sound it learns the mid, and makes mid and side
  const sounds = await openSoundCache({ path: join(runFolder, 'state', 'sounds.f32'), corpus, key: soundKey(options), reporter, signal });
  if (sounds === null) return null;
  const vocoder = createVocoderNetwork(deriveVocos(network, mel), mel, { seed });
  const windows = createSoundWindows({ corpus, sounds, mel, windowFrames, gainDb: training.augment.gainDb, speeds, seed });
  const stage = createVocoderStage({ network: vocoder, windows, loss, discriminator, training, seed });
  let measured: VocoderMeasure | null = null;
  const save = async (): Promise<void> => {
    measured = stage.measured();
    await saveVocoder(join(runFolder, 'pipeline'), { ...vocoder, measured });
  };
  reporter.log.info(`vocoder: ${vocoder.vocos.parameters.count.toLocaleString('en')} parameters`);
  try {
    const result = await runStage({
      ...options, previews: undefined, stage, labels: corpus.labels,
      pipeline: { save, ...(vocoderPreviews && { preview: (step: number) => vocoderPreviews({ vocoder, step }) }) },
    });
    if (measured !== null) reporter.log.info(describeMeasure(measured));
    return result;
  } finally {
    stage.dispose();
    vocoder.vocos.dispose();
    sounds.close();
  }
}

/** Which of the two is nearer to sounds held out, and what follows from it. */
export function describeMeasure(measured: VocoderMeasure): string {
  const { loss, inverterLoss } = measured;
  const figures = `on held-out windows its loss is ${loss.toPrecision(4)}, that of the classical inverter ${inverterLoss.toPrecision(4)}`;
  return beatsInverter({ measured }) ? `vocoder: ${figures}: it is used unless --vocoder griffin-lim is given` : `vocoder: ${figures}: it is left out unless --vocoder neural is given. Train it longer, or on more sounds`;
}

/** Of everything that the sounds of slices depend on. A corpus without a name is known by its counts. */
function soundKey({ config, corpus }: TrainVocoderOptions): string {
  const identity = corpus.key ?? JSON.stringify([corpus.sliceCount('train'), corpus.sliceCount('validation')]);
  return createHash('sha256').update(JSON.stringify([identity, codecHash(config.mel), config.corpus.downmix])).digest('hex');
}

/**
 * The vocoder that the run's pipeline has by now, for stages that do not train it; null where there is none, or one of another codec, which
 * is said. Memory: the caller disposes of the network.
 *
 * @throws MelstromError when its folder is damaged
 */
export async function openKeptVocoder({ runFolder, config, reporter }: Pick<TrainVocoderOptions, 'runFolder' | 'config' | 'reporter'>): Promise<VocoderNetwork | null> {
  if ((await listCheckpoints(stateFolder(runFolder, 'vocoder'))).length === 0) return null;
  const found = findVocoder(join(runFolder, 'pipeline'), null);
  if (found === null) return null;
  if (codecHash(found.mel) === codecHash(monoMel(config.mel))) return openVocoder(found);
  reporter.log.warn(`the vocoder in ${found.folder} was trained under other mel settings and is left out; train it anew`);
  return null;
}
