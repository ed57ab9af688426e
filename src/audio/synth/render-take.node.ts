// Plays a recipe into a clip: rendered at twice the rate, converted down without aliasing, set to its level, ended cleanly.
import { createRandom } from '../../base/random.js';
import { createClip, type Clip } from '../clip.js';
import { resampleClip } from '../resample.js';
import { loadWebAudio } from '../web-audio.node.js';
import { createStage, type Recipe, type Take } from './stage.js';

/** Rate of the starter corpus. */
export const STARTER_RATE_HZ = 22_050;
/** Longest clip. Unit: seconds. */
export const LONGEST_SECONDS = 1.15;

const RENDER_RATE_HZ = 2 * STARTER_RATE_HZ;
/** Level of the loudest 50 ms. Its region belongs to the group, as instruments are recorded at different levels. Unit: dBFS. */
const LOUDEST_DBFS = { low: -20, high: -9 };
const LARGEST_PEAK = 10 ** (-1.5 / 20);
/** Below this a tail is cut off. */
const TAIL_LEVEL = 10 ** (-66 / 20);
const FADE_SECONDS = 0.01;

/** Renders one take; the same take gives the same samples. @throws MelstromError when node-web-audio-api does not load */
export async function renderTake(recipe: Recipe, take: Take): Promise<Clip> {
  const { OfflineAudioContext } = await loadWebAudio();
  const context = new OfflineAudioContext(1, Math.ceil(LONGEST_SECONDS * RENDER_RATE_HZ), RENDER_RATE_HZ) as unknown as OfflineAudioContext;
  const seconds = Math.min(LONGEST_SECONDS, recipe.play(createStage(context, context.destination, take)));
  const rendered = await context.startRendering();
  const raw = createClip(RENDER_RATE_HZ, [rendered.getChannelData(0).slice(0, Math.ceil(seconds * RENDER_RATE_HZ))]);
  const [samples] = (await resampleClip(raw, STARTER_RATE_HZ)).channels;
  return createClip(STARTER_RATE_HZ, [endCleanly(setLevel(samples, levelOf(take)))]);
}

/** Unit: dBFS. */
function levelOf({ seed, label, group, take }: Take): number {
  const { low, high } = LOUDEST_DBFS;
  const place = 0.6 * createRandom(seed, 'starter', label, 'level', group).uniform() + 0.4 * createRandom(seed, 'starter', label, 'level', group, take).uniform();
  return low + (high - low) * place;
}

function setLevel(samples: Float32Array, levelDbfs: number): Float32Array {
  const span = Math.round(0.05 * STARTER_RATE_HZ);
  let power = 0;
  let loudest = 0;
  let peak = 0;
  samples.forEach((value, index) => {
    power += value * value - (index >= span ? samples[index - span] ** 2 : 0);
    loudest = Math.max(loudest, power / span);
    peak = Math.max(peak, Math.abs(value));
  });
  const gain = Math.min(10 ** (levelDbfs / 20) / Math.sqrt(loudest), LARGEST_PEAK / peak);
  return samples.map((value) => value * gain);
}

function endCleanly(samples: Float32Array): Float32Array {
  const last = samples.findLastIndex((value) => Math.abs(value) > TAIL_LEVEL);
  const kept = samples.slice(0, last + 1);
  const fade = Math.min(kept.length, Math.round(FADE_SECONDS * STARTER_RATE_HZ));
  for (let index = 0; index < fade; index += 1) kept[kept.length - 1 - index] *= (1 - Math.cos((Math.PI * index) / fade)) / 2;
  return kept;
}
