// A folder of clips that somebody made, with us or not: their sounds, the labels they were meant to have, and settings to look at them with.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { openAudio } from '../audio/decode.node.js';
import { loadSound } from '../audio/load.node.js';
import { MelstromError } from '../base/errors.js';
import { checkRunConfig, resolveOverrides, type RunConfig } from '../config/run-config.js';
import { walkSounds } from '../corpus/walk.node.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import { loadConfigWithFlags } from './config-flags.js';
import type { SoundClip } from './evaluate-sets.js';

const HIGHEST_RATE_HZ = 48_000;
const LOWEST_RATE_HZ = 4000;
/** Longer clips are compared by their beginnings. */
const LONGEST_SECONDS = 10;
/** Networks, of which none is made here, want a multiple of this. */
const FRAME_MULTIPLE = 64;

/** A file and the label it was meant to have: from the JSON beside it, else its folder. */
export interface FoundClip {
  readonly path: string;
  readonly name: string;
  readonly label: string | null;
}

/** Lists the clips of a folder. @throws MelstromError of kind 'data' when there are none, or a record beside one is damaged */
export async function findClips(folder: string): Promise<FoundClip[]> {
  const { files } = walkSounds(folder);
  if (files.length === 0) throw new MelstromError({ kind: 'data', where: folder, got: 'no sound', expected: 'a run folder, or a folder of clips' });
  return Promise.all(files.map(async ({ path, name }) => ({ path, name, label: (await recordedLabel(path)) ?? folderLabel(name) })));
}

async function recordedLabel(path: string): Promise<string | null> {
  const record = path.replace(/\.[^.]+$/, '.json');
  if (!existsSync(record)) return null;
  try {
    const { label } = JSON.parse(await readFile(record, 'utf8')) as { label?: unknown };
    return typeof label === 'string' ? label : null;
  } catch (cause) {
    throw new MelstromError({ kind: 'data', where: record, got: 'what is no JSON', expected: 'the record that generate writes beside a clip', fix: 'Remove it, or make the clip again.', cause });
  }
}

function folderLabel(name: string): string | null {
  const slash = name.indexOf('/');
  return slash < 1 ? null : name.slice(0, slash);
}

/**
 * The configuration that real sounds are cut and analysed by: that of a file, or default corpus settings with a codec at the clips'
 * own rate, as long as the longest clip.
 */
export async function configFor(clips: readonly FoundClip[], { against, config }: { readonly against: string; readonly config?: string }): Promise<RunConfig> {
  if (config !== undefined) {
    const loaded = await loadConfigWithFlags(config, { corpus: against });
    return resolveOverrides(loaded, ['corpus.manifest=null']);
  }
  let [sampleRateHz, seconds] = [LOWEST_RATE_HZ, 0];
  for (const { path } of clips) {
    const source = await openAudio(path);
    sampleRateHz = Math.max(sampleRateHz, Math.min(HIGHEST_RATE_HZ, source.sampleRateHz));
    seconds = Math.max(seconds, (source.frameCountEstimate ?? 0) / source.sampleRateHz);
    await source.close();
  }
  const fftSize = 2 ** Math.ceil(Math.log2(sampleRateHz * 0.04));
  const hopSamples = fftSize / 4;
  const wanted = 1 + (Math.min(LONGEST_SECONDS, seconds) * sampleRateHz) / hopSamples;
  const frames = Math.max(1, Math.ceil(wanted / FRAME_MULTIPLE)) * FRAME_MULTIPLE;
  const mel = { sampleRateHz, fftSize, windowSamples: fftSize, hopSamples, maxHz: sampleRateHz / 2, frames };
  return checkRunConfig({ mel, corpus: { path: against, validationShare: 0 } }, '--against');
}

/** Loads clips at the codec's rate, cut or filled with silence to its slices' length. `labels` numbers the labels; clips of others are left out. */
export async function loadClips(clips: readonly FoundClip[], { config: { mel, corpus }, labels }: { readonly config: RunConfig; readonly labels: readonly string[] }): Promise<SoundClip[]> {
  const codec = createImageCodec(mel);
  const loaded: SoundClip[] = [];
  for (const { path, name, label } of clips) {
    const number = labels.length === 0 ? 0 : labels.indexOf(label ?? '');
    if (number < 0) continue;
    const { sampleRateHz, channels: count = 1 } = mel;
    const sound = await loadSound(path, { sampleRateHz, channels: count, downmix: corpus.downmix });
    const channels = sound.map((own) => {
      const samples = new Float32Array((mel.frames - 1) * mel.hopSamples);
      samples.set(own.subarray(0, samples.length));
      return samples;
    });
    loaded.push({ name, label: number, clip: { sampleRateHz, channels }, image: codec.analyse(channels) });
  }
  return loaded;
}
