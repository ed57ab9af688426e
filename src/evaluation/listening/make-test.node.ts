// From a folder to a test: decodes, brings to one rate and one level, packs. What the test is, is a value; no page yet.
import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { durationSeconds, frameCountOf, type Clip } from '../../audio/clip.js';
import { decodeFile } from '../../audio/decode.node.js';
import { resampleClip } from '../../audio/resample.js';
import { MelstromError } from '../../base/errors.js';
import type { Reporter } from '../../base/logger.js';
import { createRandom } from '../../base/random.js';
import { canLowPass, lowPass } from '../../dsp/low-pass.js';
import { rms } from '../../dsp/loudness.js';
import { ANCHORS_HZ, anchorName, HIDDEN_REFERENCE, REFERENCE, type Item, type ListeningTest, type PackedSound, type Stimulus, type TestKind } from './listening-test.js';
import { matchLevels } from './match-levels.js';
import { FULL_SCALE, toBytes } from './pack-sound.js';
import type { FolderItem, TestFolder } from './read-folder.node.js';
import { leadSamples } from './unpack-sound.js';

export interface MakeTestOptions {
  readonly folder: TestFolder;
  readonly kind: TestKind;
  readonly title: string;
  readonly seed: number;
  readonly trials: number;
  readonly practice: number;
  /** Silence between rounds of the loop. Unit: seconds. */
  readonly gapSeconds: number;
  /** Brings all sounds to one loudness. */
  readonly isLevelMatched: boolean;
  /** MUSHRA: adds the low-passed references. */
  readonly hasAnchors: boolean;
  readonly reporter: Reporter;
}

/** Shortest round of a loop. Source: ITU-R BS.1534-3, 5.3. Unit: seconds. */
const SHORTEST_LOOP_SECONDS = 0.5;
/** Longest sound that BS.1534 recommends. Unit: seconds. */
const LONGEST_SECONDS = 12;
/** Sounds of one item that are made from one original and differ more than this in length are not the same excerpt. Unit: seconds. */
const LENGTH_TOLERANCE_SECONDS = 0.25;
/** An anchor that takes away less than this share of the amplitude can hardly be told from its reference. */
const LEAST_TAKEN = 0.003;

/** Makes the test. Memory: all sounds of the test as floats. @throws MelstromError of kind 'data' that names the file */
export async function makeListeningTest(options: MakeTestOptions): Promise<ListeningTest> {
  const { folder, kind, title, seed, trials, practice, reporter } = options;
  const entries = folder.items.flatMap(({ files }) => [...files].map(([condition, path]) => ({ condition, path })));
  const decoded = await decodeAll(entries.map(({ path }) => path), reporter);
  const sampleRateHz = decoded.reduce((highest, clip) => Math.max(highest, clip.sampleRateHz), 0);
  const clips = await Promise.all(decoded.map((clip) => resampleClip(clip, sampleRateHz)));
  const gains = options.isLevelMatched ? matchLevels(clips).gains : clips.map(() => 1);
  const sounds = clips.map((clip, index) => packClip(clip, { gain: gains[index], seed: index }));
  let first = 0;
  const items = folder.items.map((item) => {
    const own = new Map([...item.files.keys()].map((condition, index) => [condition, first + index]));
    first += own.size;
    return describeItem(item, { own, clips, sampleRateHz, options });
  });
  const body = { title, kind, seed, sampleRateHz, trials, practice, items, sounds };
  const id = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 12);
  return { format: 'melstrom-listening-test', version: 1, id, ...body };
}

async function decodeAll(paths: readonly string[], reporter: Reporter): Promise<Clip[]> {
  const progress = reporter.startProgress('read', paths.length, 'sounds');
  const clips: Clip[] = [];
  try {
    for (const path of paths) {
      const clip = await decodeFile(path);
      if (frameCountOf(clip) === 0) throw new MelstromError({ kind: 'data', where: path, got: 'no samples', expected: 'a sound' });
      if (clip.channels.length > 2) throw new MelstromError({ kind: 'data', where: path, got: `${clip.channels.length} channels`, expected: '1 or 2', fix: 'Mix it to stereo first.' });
      clips.push(clip);
      progress.update(clips.length);
    }
  } finally {
    progress.end();
  }
  return clips;
}

interface ItemParts {
  /** Condition → index of its sound. */
  readonly own: ReadonlyMap<string, number>;
  readonly clips: readonly Clip[];
  readonly sampleRateHz: number;
  readonly options: MakeTestOptions;
}

function describeItem({ name, files }: FolderItem, { own, clips, sampleRateHz, options }: ItemParts): Item {
  const { kind, hasAnchors, gapSeconds, folder, reporter } = options;
  const lengths = [...own].map(([condition, index]) => ({ path: files.get(condition)!, seconds: durationSeconds(clips[index]) })).sort((a, b) => a.seconds - b.seconds);
  const [shortest, longest] = [lengths[0], lengths[lengths.length - 1]];
  if (folder.hasReference && longest.seconds - shortest.seconds > LENGTH_TOLERANCE_SECONDS) {
    throw new MelstromError({
      kind: 'data', where: shortest.path, got: `${shortest.seconds.toFixed(2)} s, where '${longest.path}' has ${longest.seconds.toFixed(2)} s`,
      expected: `lengths within ${LENGTH_TOLERANCE_SECONDS} s, since one switches between them at the same position`, fix: 'Cut them to the same excerpt.',
    });
  }
  if (longest.seconds > LONGEST_SECONDS) reporter.log.warn(`${longest.path}: ${longest.seconds.toFixed(1)} s; BS.1534 recommends at most ${LONGEST_SECONDS}, since longer ones are judged from memory`);
  const samples = Math.round(longest.seconds * sampleRateHz) + leadSamples(sampleRateHz);
  const loopSamples = Math.max(Math.ceil(SHORTEST_LOOP_SECONDS * sampleRateHz), samples + Math.round(gapSeconds * sampleRateHz));
  const reference = own.get(REFERENCE);
  const stimuli: Stimulus[] = [...own].filter(([condition]) => condition !== REFERENCE).map(([condition, sound]) => ({ condition, sound }));
  if (kind === 'mushra' && reference !== undefined) {
    stimuli.push({ condition: HIDDEN_REFERENCE, sound: reference });
    if (hasAnchors) stimuli.push(...anchorsOf(clips[reference], { sound: reference, path: files.get(REFERENCE)!, reporter }));
  }
  return { name, loopSamples, stimuli, reference: reference === undefined ? null : { condition: REFERENCE, sound: reference } };
}

function anchorsOf({ channels, sampleRateHz }: Clip, { sound, path, reporter }: { readonly sound: number; readonly path: string; readonly reporter: Reporter }): Stimulus[] {
  return ANCHORS_HZ.flatMap((passHz) => {
    if (!canLowPass({ sampleRateHz, passHz })) {
      reporter.log.warn(`${path}: no anchor of ${passHz / 1000} kHz, since ${sampleRateHz} Hz holds too little above it`);
      return [];
    }
    const [original] = channels;
    const filtered = lowPass(original, { sampleRateHz, passHz });
    const taken = rms(original.map((sample, index) => sample - filtered[index])) / rms(original);
    if (taken < LEAST_TAKEN) reporter.log.warn(`${path}: holds next to nothing above ${passHz / 1000} kHz, so that its anchor sounds like the reference`);
    return { condition: anchorName(passHz), sound, passHz };
  });
}

/** 16 bits, with triangular dither unless every sample lies on a step already. What exceeds full scale is turned down and brought back by the gain. */
function packClip({ channels }: Clip, { gain, seed }: { readonly gain: number; readonly seed: number }): PackedSound {
  const isOnSteps = channels.every((channel) => channel.every((sample) => Number.isInteger(sample * FULL_SCALE) && sample >= -1 && sample < 1));
  const peak = channels.reduce((most, channel) => channel.reduce((largest, sample) => Math.max(largest, Math.abs(sample)), most), 0);
  const scale = isOnSteps ? 1 : Math.min(1, (FULL_SCALE - 2) / FULL_SCALE / peak); // room for the dither
  const steps = channels.map((channel, order) => {
    const random = createRandom(seed, 'dither', order);
    return Int16Array.from(channel, (sample) => Math.round(sample * scale * FULL_SCALE + (isOnSteps ? 0 : random.uniform() - random.uniform())));
  });
  return { channelCount: channels.length, sampleCount: channels[0].length, gain: gain / scale, data: deflateRawSync(toBytes(steps), { level: 9 }).toString('base64') };
}
