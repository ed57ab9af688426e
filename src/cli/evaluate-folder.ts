// `evaluate` for a folder of clips, whoever made them: the clips against the real sounds of another folder.
import { basename, resolve } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { RunConfig } from '../config/run-config.js';
import { prepareCorpus, type PreparedCorpus } from '../corpus/prepare.node.js';
import type { Embedding } from '../evaluation/embedding.js';
import { fitJudge, type JudgedClip } from '../evaluation/judge.js';
import { logMelStatistics } from '../evaluation/log-mel-statistics.js';
import type { PageFigure } from '../evaluation/page.js';
import { setFigures } from '../evaluation/set-page.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { CommandContext } from './context.js';
import { evaluateSets, type SoundClip } from './evaluate-sets.js';
import { listRealSlices, sharedLabels, type SharedLabel } from './real-sounds.js';
import { configFor, findClips, loadClips, type FoundClip } from './sound-folder.js';
import { setNumbers, writeSetReport } from './write-sets.js';

export interface EvaluateFolderOptions {
  readonly clips: string;
  readonly against: string;
  readonly config?: string;
  readonly out: string;
  readonly seed: number;
  readonly embedding: Embedding;
  /** Threads that prepare the real sounds. Default as many as they are worth. */
  readonly workers?: number;
}

/** Compares, writes the page and prints. @throws MelstromError of kind 'data' or 'usage' as its parts do */
export async function evaluateFolder({ clips: folder, against, config: configFile, out, seed, embedding, workers }: EvaluateFolderOptions, { reporter, signal, print }: CommandContext): Promise<void> {
  const found = await findClips(folder);
  const config = await configFor(found, { against, config: configFile });
  const corpus = await prepareCorpus({ config, reporter, workers, signal });
  try {
    const shared = sharedLabels(corpus.labels.length === 0 ? [] : labelsOf(found), corpus);
    const labels = shared[0].model === null ? [] : shared.map(({ name }) => name);
    const clips = await loadClips(found, { config, labels });
    if (clips.length < found.length) reporter.log.warn(`${found.length - clips.length} of ${found.length} clips have no label that the real sounds know and are left out`);
    const sets = await evaluateSets({ clips, corpus, shared, embedding, seed, source: config.corpus, reporter, signal });
    const agreement = labels.length === 0 ? null : judgeLabels(clips, { corpus, shared });
    const numbers = { clips: folder, against, mel: config.mel, agreement, sets: setNumbers(sets) };
    const figures = agreement === null ? [] : agreementFigures(agreement);
    const page = await writeSetReport({
      folder: out, title: `Melstrom: ${basename(resolve(folder))} against ${basename(resolve(against))}`, sets, source: config.corpus, figures, numbers,
      introduction: introductionOf(clips, config),
    });
    print({ page, ...numbers }, [...[...setFigures(sets), ...figures].map(({ name, value }) => `${name}: ${value}`), ...numbers.sets.findings.map(({ text }) => text), page]);
  } finally {
    corpus.close();
  }
}

/** In order, each once. Clips without one say nothing of what labels there are. */
function labelsOf(found: readonly FoundClip[]): string[] {
  return [...new Set(found.flatMap(({ label }) => label ?? []))].sort();
}

interface Agreement {
  readonly clips: number;
  readonly byLabel: Readonly<Record<string, number>>;
  /** Of the real clips, each judged by the others. */
  readonly real: number;
}

/** The judge knows every label of the real sounds, also those that no clip was meant to have. */
function judgeLabels(clips: readonly SoundClip[], { corpus, shared }: { readonly corpus: PreparedCorpus; readonly shared: readonly SharedLabel[] }): Agreement {
  const all = sharedLabels(corpus.labels, corpus);
  const judged = (image: MelImage, label: number): JudgedClip => ({ features: logMelStatistics(image), label });
  const judge = fitJudge(listRealSlices(corpus, 'train', all).map((slice) => judged(slice.image(), slice.label)));
  const heard = clips.map(({ image, label }) => judged(image, all.findIndex(({ corpus: number }) => number === shared[label].corpus)));
  const byLabel = all.flatMap(({ name }, number) => {
    const own = heard.filter(({ label }) => label === number);
    return own.length === 0 ? [] : [[name, judge.agreement(own)] as const];
  });
  return { clips: judge.agreement(heard), byLabel: Object.fromEntries(byLabel), real: judge.selfAgreement() };
}

function agreementFigures({ clips, real }: Agreement): PageFigure[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [{ name: 'Judge’s agreement', value: percent(clips), meaning: `Share of clips that a 5-nearest-neighbour judge, fitted on the real clips alone, gives the label they were meant to have. Real clips, each judged by the others: ${percent(real)}.` }];
}

function introductionOf(clips: readonly SoundClip[], { mel, corpus }: RunConfig): string {
  const seconds = ((mel.frames - 1) * mel.hopSamples) / mel.sampleRateHz;
  return `${clips.length} clips against the real sounds of ${basename(corpus.path)}; all at ${mel.sampleRateHz} Hz, cut or filled with silence to ${seconds.toFixed(2)} s.`;
}

/** What `evaluate` is told to do with a folder that is no run. */
export function requireAgainst(folder: string, against: string | undefined): string {
  if (against !== undefined) return against;
  throw new MelstromError({
    kind: 'usage', where: folder, got: 'no model_index.json', expected: 'a run folder, or with --against a folder of clips', fix: 'Name the real sounds that the clips are to be compared with.',
  });
}
