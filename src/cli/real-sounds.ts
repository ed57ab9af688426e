// The real slices that a model is judged against: their images from the cache, their sound from the recordings.
import { join } from 'node:path';
import type { Clip } from '../audio/clip.js';
import { readSoundSpans } from '../audio/spans.node.js';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import type { CorpusConfig } from '../config/corpus.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { corpusRoot } from '../corpus/slice-sounds.node.js';
import { guardedClip, type GuardedClip } from '../evaluation/level-guard.js';
import type { MelSettings } from '../config/mel.js';
import type { MelImage } from '../spectrogram/mel-image.js';

/** A label that model and corpus both know, with its number in each; a model without labels has null. */
export interface SharedLabel {
  readonly name: string;
  readonly corpus: number;
  readonly model: number | null;
}

/** One slice of the corpus. */
export interface RealSlice {
  readonly file: string;
  /** Number among the shared labels. */
  readonly label: number;
  /** Slices of one group are not independent of each other. */
  readonly group: string;
  readonly offsetFrames: number;
  readonly settings: MelSettings;
  /** Reads the image from the cache, each time anew. */
  image(): MelImage;
}

/**
 * The labels of a model that the corpus holds slices of, matched by name. A model without labels shares one that stands for all.
 *
 * @throws MelstromError of kind 'usage' when there is none
 */
export function sharedLabels(modelLabels: readonly string[], corpus: PreparedCorpus): SharedLabel[] {
  if (modelLabels.length === 0) return [{ name: 'all', corpus: -1, model: null }];
  const present = new Set([...corpus.labelsOf('train'), ...corpus.labelsOf('validation')]);
  const shared = modelLabels.flatMap((name, model) => {
    const number = corpus.labels.indexOf(name);
    return present.has(number) ? [{ name, corpus: number, model }] : [];
  });
  if (shared.length > 0) return shared;
  throw new MelstromError({
    kind: 'usage', where: 'labels of the real sounds', got: corpus.labels.join(', ') || 'none', expected: `some of the model's: ${modelLabels.join(', ')}`,
    fix: 'Name the sub-folders of the real sounds as the labels of the training corpus.',
  });
}

/** The slices of a split that carry a shared label. Memory: no images. */
export function listRealSlices(corpus: PreparedCorpus, split: 'train' | 'validation', shared: readonly SharedLabel[]): RealSlice[] {
  const numbers = corpus.labelsOf(split);
  const groups = new Map(corpus.files.map(({ name, group }) => [name, group]));
  return Array.from({ length: corpus.sliceCount(split) }, (_, index) => index).flatMap((index) => {
    const label = shared.findIndex(({ corpus: number, model }) => model === null || number === numbers[index]);
    if (label < 0) return [];
    const { file, offsetFrames } = corpus.slice(split, index);
    return [{
      file, label, group: groups.get(file) ?? file, offsetFrames, settings: corpus.mel,
      image: () => ({ settings: corpus.mel, frameCount: corpus.mel.frames, data: corpus.slice(split, index).image }),
    }];
  });
}

/** The recording behind a slice, as many channels as its image has: cut, or filled with silence, to the slice's length. */
export async function soundOf(slice: RealSlice, source: CorpusConfig): Promise<Clip> {
  const { sampleRateHz } = slice.settings;
  for await (const channels of readSoundSpans(join(corpusRoot(source), slice.file), spanOptions([slice], source))) return { sampleRateHz, channels };
  throw new MelstromError({ kind: 'internal', where: slice.file, got: 'no samples' });
}

export interface ReadOptions {
  readonly source: CorpusConfig;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** The levels of the recordings behind slices, each file read once. @throws the signal's reason when aborted */
export async function realLevels(slices: readonly RealSlice[], options: ReadOptions): Promise<GuardedClip[]> {
  const levels: GuardedClip[] = [];
  for await (const { slice, channels } of readRealSounds(slices, options, 'measure real levels')) levels.push(guardedClip(channels, { sampleRateHz: slice.settings.sampleRateHz, label: slice.label }));
  return levels;
}

/** The recordings behind slices, file by file, each file read once. @throws the signal's reason when aborted */
export async function* readRealSounds(slices: readonly RealSlice[], { source, reporter, signal }: ReadOptions, title: string): AsyncGenerator<{ readonly slice: RealSlice; readonly channels: readonly Float32Array[] }> {
  const byFile = new Map<string, RealSlice[]>();
  for (const slice of slices) {
    const own = byFile.get(slice.file);
    if (own === undefined) byFile.set(slice.file, [slice]);
    else own.push(slice);
  }
  const progress = reporter.startProgress(title, byFile.size, 'files');
  let done = 0;
  try {
    for (const [file, own] of byFile) {
      signal?.throwIfAborted();
      const inOrder = [...own].sort((a, b) => a.offsetFrames - b.offsetFrames);
      let number = 0;
      for await (const channels of readSoundSpans(join(corpusRoot(source), file), spanOptions(inOrder, source))) {
        yield { slice: inOrder[number], channels };
        number += 1;
      }
      done += 1;
      progress.update(done);
    }
  } finally {
    progress.end();
  }
}

/** Of slices of one file. */
function spanOptions(slices: readonly RealSlice[], { downmix }: CorpusConfig): Parameters<typeof readSoundSpans>[1] {
  const { sampleRateHz, channels = 1, hopSamples, frames } = slices[0].settings;
  const starts = slices.map(({ offsetFrames }) => offsetFrames * hopSamples).sort((a, b) => a - b);
  return { sampleRateHz, channels, downmix, starts, sampleCount: (frames - 1) * hopSamples };
}
