// One long sample drawn a few columns at a time, in memory that does not grow with its length. Knows no network.
import * as tf from '@tensorflow/tfjs';
import type { Random } from '../base/random.js';
import { normalsOfColumns, wordsOfItem } from './_column-noise.js';
import type { SamplingPath } from './_path-parts.js';
import type { Denoiser } from './denoiser.js';
import { heedKnown } from './heed-known.js';
import { resampleKnown, withKnown, type KnownRegion } from './known-region.js';
import { breathe, type NumberedStep, type Sampler, type SamplerOptions } from './samplers/sampler.js';
import { coverColumn, DEFAULT_BATCH_SIZE, denoiseWindows, layersOf, windowsAt, type JointOptions } from './windows.js';

export interface StreamOptions<C> extends JointOptions<C> {
  readonly path: SamplingPath;
  readonly sample: Sampler<C>;
  /** Of windows. */
  readonly denoise: Denoiser<C>;
  readonly condition: C;
  readonly rows: number;
  readonly channels: number;
  /** Sequences of the item, at their starts: of its initial noise, and of what a sampler adds. */
  readonly initial: Random;
  readonly added: Random;
  /** Columns at the start, or at the end, that are given. Default none. */
  readonly known?: KnownEnd;
  /** Columns that each step goes forward at a time. More: more memory, and fewer windows that are asked twice. Default eight windows. */
  readonly blockColumns?: number;
  /** Awaited before each block: steps will ask for windows within these columns from then on, and for none before them any more. */
  readonly prepare?: (from: number, to: number) => Promise<void>;
  /** Called with the share of the work that is done. */
  readonly onAdvance?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** What a sample begins or ends with, as withKnown, heedKnown and resampleKnown hold it. Memory: the caller's. */
export interface KnownEnd {
  /** Shape: [1, H, n, C]. */
  readonly clean: tf.Tensor4D;
  /** Whether the sample ends with them. Default false: it begins with them. */
  readonly isAtEnd?: boolean;
  readonly heedRounds: number;
  readonly resamples: number;
  /** Of resampling, at its start. */
  readonly random: Random;
}

/** What is there of the sample after some step. */
interface Level {
  /** Columns `from` to before `to` of the noisy sample, and of what the next step remembers. */
  from: number;
  to: number;
  tensors: readonly tf.Tensor4D[];
  /** Calls of the denoiser, and draws of noise, that the step from here takes; null before it was taken once. */
  calls: number | null;
  draws: Draws;
}

/** How often a sampler, and resampling, have drawn noise for the whole sample. */
interface Draws {
  added: number;
  known: number;
}

/** The columns that a step is being taken on. */
interface View {
  from: number;
  to: number;
  /** Columns before this are there already. */
  wantedFrom: number;
  /** Calls that the step takes, if that is known. */
  expectedCalls: number;
  calls: number;
  draws: Draws;
  /** Draws of all steps before. */
  earlierDraws: Draws;
}

/**
 * Yields the columns of one sample from left to right, those that the sampler would draw of the whole with `withWindows`, but for rounding.
 * A step needs of the step before no more than the windows reach: so all steps go over the sample at once, each some windows behind the
 * one before, and what all have passed is forgotten. Windows are still denoised together at every noise level; nothing is stitched.
 *
 * Shape: [1, H, n, C] each. Memory: the caller disposes what it is given; what is held is some windows for each step.
 * @throws the signal's reason when aborted, between two steps
 */
export async function* streamColumns<C>(options: StreamOptions<C>): AsyncGenerator<tf.Tensor4D> {
  const { path, windows: { length, width }, blockColumns = 8 * width, known, prepare, onAdvance, signal } = options;
  const steps = path.sigmas.length - 1;
  const levels = Array.from({ length: steps + 1 }, (): Level => ({ from: 0, to: 0, tensors: [], calls: null, draws: { added: 0, known: 0 } }));
  const view: View = { from: 0, to: 0, wantedFrom: 0, expectedCalls: 0, calls: 0, draws: { added: 0, known: 0 }, earlierDraws: { added: 0, known: 0 } };
  const take = await captureStep(options, view);
  try {
    while (levels[0].to < length) {
      const [from, to] = [levels[0].to, Math.min(length, levels[0].to + blockColumns)];
      await prepare?.(Math.min(...levels.slice(0, steps).map((level) => level.from)), to);
      append(levels[0], [initialColumns(options, from, to)], to);
      for (let step = 0; step < steps; step += 1) {
        signal?.throwIfAborted();
        advance({ take, view, levels, step, length, reach: width - 1, heeded: heededOf(known, length) });
        onAdvance?.(levels.slice(1).reduce((sum, level) => sum + level.to, 0) / (steps * length));
        await breathe();
      }
      const [finished, ...memory] = levels[steps].tensors;
      tf.dispose(memory);
      levels[steps].tensors = [];
      levels[steps].from = levels[steps].to;
      if (finished !== undefined) yield finished;
    }
  } finally {
    for (const { tensors } of levels) tf.dispose([...tensors]);
  }
}

/** The sampler's step, with windows and noise of the columns in view. */
async function captureStep<C>(options: StreamOptions<C>, view: View): Promise<NumberedStep> {
  const { path, sample, condition, windows, denoise, select, batchSize = DEFAULT_BATCH_SIZE, added, known } = options;
  const { width } = windows;
  const inView: Denoiser<C> = (noisy, sigma, given) => {
    view.calls += 1;
    const moved = windowsAt(windows, sigma);
    const { starts } = moved;
    const neededFrom = view.wantedFrom - Math.max(0, view.expectedCalls - view.calls) * (width - 1);
    const first = starts.findIndex((start) => start >= view.from && start > neededFrom - width);
    const last = starts.findLastIndex((start) => start + width <= view.to);
    const own = first < 0 ? [] : starts.slice(first, last + 1);
    if (own.length === 0) return tf.zerosLike(noisy);
    const covers = Array.from({ length: view.to - view.from }, (_, offset) =>
      coverColumn(moved, view.from + offset).filter(({ window }) => window >= first && window <= last).map((cover) => ({ ...cover, window: cover.window - first })));
    const columns = Int32Array.from(own.flatMap((start) => Array.from({ length: width }, (_, offset) => start - view.from + offset)));
    return denoiseWindows(noisy, sigma, given, { denoise, starts: own, width, columns, layers: layersOf(covers, width), select, batchSize });
  };
  const inColumns = (name: keyof Draws, random: Random): Random => ({
    ...random,
    normals() {
      const position = (view.earlierDraws[name] + view.draws[name]) * wordsOfItem({ ...options, length: windows.length });
      view.draws[name] += 1;
      return normalsOfColumns(random, { ...options, length: windows.length, from: view.from, to: view.to, position });
    },
  });
  const held = known && holdEnd(options, { known, view, inView, random: inColumns('known', known.random) });
  let captured: NumberedStep | undefined;
  const nothing = tf.zeros<tf.Rank.R4>([1, 1, 1, 1]);
  await sample({
    ...path, denoise: inView, condition, initialNoise: nothing, random: [inColumns('added', added)], ...held,
    drive: async (take) => {
      captured = take;
      return nothing;
    },
  });
  nothing.dispose();
  return captured!;
}

interface HoldOptions<C> {
  readonly known: KnownEnd;
  readonly view: View;
  readonly inView: Denoiser<C>;
  readonly random: Random;
}

/** Holds the sampler to the given columns, as far as they are in view. Memory: what it makes is disposed of by the step around it. */
function holdEnd<C>(options: StreamOptions<C>, { known: { clean, isAtEnd = false, heedRounds, resamples }, view, inView, random }: HoldOptions<C>): Pick<SamplerOptions<C>, 'denoise' | 'correct'> {
  const columns = clean.shape[2];
  const first = isAtEnd ? options.windows.length - columns : 0;
  const region = (): KnownRegion => {
    const count = view.to - view.from;
    const [from, to] = [Math.max(first, view.from), Math.min(first + columns, view.to)];
    return {
      clean: from >= to ? tf.zeros([1, options.rows, count, options.channels]) : tf.pad(columnsOf(clean, from - first, to - from), [[0, 0], [0, 0], [from - view.from, view.to - to], [0, 0]]),
      isKnown: tf.tensor4d(Float32Array.from({ length: count }, (_, offset) => (view.from + offset >= first && view.from + offset < first + columns ? 1 : 0)), [1, 1, count, 1]),
    };
  };
  const isInReach = (): boolean => (isAtEnd ? view.to === options.windows.length : view.wantedFrom === 0); // what is heeded is in view as a whole, and what it moves
  const heeding = (): Denoiser<C> => (isInReach() ? heedKnown(inView, region(), heedRounds) : inView);
  return {
    denoise: (noisy, sigma, given) => tf.tidy(() => withKnown(heeding(), region(), unitColumns(options, view.from, view.to))(noisy, sigma, given)),
    correct: (noisy, sigma) => resampleKnown(region(), { denoise: heeding(), condition: options.condition, resamples, random: [random] })(noisy, sigma),
  };
}

interface AdvanceOptions {
  readonly take: NumberedStep;
  readonly view: View;
  readonly levels: readonly Level[];
  readonly step: number;
  readonly length: number;
  /** Columns to either side that a column's windows reach. */
  readonly reach: number;
  readonly heeded: Heeded;
}

/** What of the sample is heeded: all that may heed it is taken in one step, since each of its columns depends on all that is known. */
interface Heeded {
  /** Columns at the start. */
  readonly toColumn: number;
  /** Where columns at the end begin: the length where there are none. */
  readonly fromColumn: number;
  /** Calls of the denoiser that one becomes at the end. */
  readonly callsEach: number;
}

function heededOf(known: KnownEnd | undefined, length: number): Heeded {
  if (known === undefined || known.heedRounds === 0) return { toColumn: 0, fromColumn: length, callsEach: 1 };
  const columns = known.clean.shape[2];
  return known.isAtEnd ? { toColumn: 0, fromColumn: length - columns, callsEach: 1 + known.heedRounds } : { toColumn: columns, fromColumn: length, callsEach: 1 };
}

/** Takes a step as far as what is there of the step before allows, and forgets what it needs no more. Mutates: levels, view. */
function advance({ take, view, levels, step, length, reach, heeded: { toColumn, fromColumn, callsEach } }: AdvanceOptions): void {
  const [before, after] = [levels[step], levels[step + 1]];
  const isEnd = before.to === length;
  const margin = (before.calls ?? 1) * reach;
  const least = (margin: number): number => (after.to > 0 || toColumn === 0 ? after.to : toColumn + margin);
  const reached = (margin: number): number => Math.min(before.to - margin, fromColumn === length ? length : fromColumn - margin);
  if (!isEnd && reached(margin) <= least(margin)) return;
  const from = Math.max(before.from, after.to - callsEach * margin);
  Object.assign(view, { from, to: before.to, wantedFrom: after.to, expectedCalls: callsEach * (before.calls ?? 0), calls: 0, draws: { added: 0, known: 0 }, earlierDraws: drawsBefore(levels, step) });
  const made = tf.tidy(() => {
    const [noisy, ...memory] = before.tensors.map((tensor) => columnsOf(tensor, from - before.from, before.to - from));
    const result = take(step, noisy, memory);
    const to = isEnd ? length : reached(view.calls * reach);
    return to <= (isEnd ? after.to : least(view.calls * reach)) ? [] : [result.next, ...result.memory].map((tensor) => columnsOf(tensor, after.to - from, to - after.to));
  });
  before.calls = view.calls;
  before.draws = view.draws;
  if (made.length > 0) append(after, made, after.to + made[0].shape[2]);
  const keptFrom = isEnd ? length : Math.max(before.from, after.to - callsEach * before.calls * reach);
  const kept = keptFrom === length ? [] : before.tensors.map((tensor) => tf.tidy(() => columnsOf(tensor, keptFrom - before.from, before.to - keptFrom)));
  tf.dispose([...before.tensors]);
  Object.assign(before, { from: keptFrom, tensors: kept });
}

function drawsBefore(levels: readonly Level[], step: number): Draws {
  return levels.slice(0, step).reduce((sum, { draws }) => ({ added: sum.added + draws.added, known: sum.known + draws.known }), { added: 0, known: 0 });
}

function columnsOf(tensor: tf.Tensor4D, start: number, count: number): tf.Tensor4D {
  return tf.slice(tensor, [0, 0, start, 0], [-1, -1, count, -1]);
}

/** Mutates: level. Memory: the level keeps what it is given. */
function append(level: Level, columns: readonly tf.Tensor4D[], to: number): void {
  const { tensors } = level;
  level.tensors = tensors.length === 0 ? columns : tensors.map((tensor, index) => tf.concat([tensor, columns[index]], 2));
  if (tensors.length > 0) tf.dispose([...tensors, ...columns]);
  level.to = to;
}

function initialColumns<C>(options: StreamOptions<C>, from: number, to: number): tf.Tensor4D {
  const { sigmas, initialScale } = options.path;
  return tf.tidy(() => tf.mul(unitColumns(options, from, to), initialScale ?? sigmas[0]));
}

/** The initial noise of some columns. Memory: the caller disposes. */
function unitColumns<C>({ windows: { length }, rows, channels, initial }: StreamOptions<C>, from: number, to: number): tf.Tensor4D {
  return tf.tensor4d(normalsOfColumns(initial, { rows, channels, length, from, to, position: 0 }), [1, rows, to - from, channels]);
}
