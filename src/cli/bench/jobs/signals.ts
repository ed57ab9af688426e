// Our side of the rows about sound: mel analysis, mel to sound, and a corpus made ready.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../base/random.js';
import { prepareCorpus } from '../../../corpus/prepare.node.js';
import { inOrder } from '../../../base/in-order.js';
import { analyseInThreads } from '../../../spectrogram/analyse-in-threads.node.js';
import { createMelCodec } from '../../../spectrogram/mel-codec.js';
import { createThreadedGriffinLim } from '../../../vocoder/threaded-griffin-lim.node.js';
import type { Job, RunningJob } from '../job.js';
import { configOf } from './networks.js';

type OwnFacts = Pick<RunningJob['facts'], 'threads' | 'versions'>;

/** A minute, over and over. */
const REPEATED_SECONDS = 60;

/** Mel analysis of one long sound, by as many threads as the peer has processes. */
export async function mel({ mel: settings, seconds, folder }: Job<'mel'>, facts: OwnFacts): Promise<RunningJob> {
  const sound = longSound(seconds, settings.sampleRateHz);
  writeFileSync(join(folder, 'sound.f32'), sound);
  return { facts: { ...facts, parameters: null }, run: async () => meanSize((await analyseInThreads(sound, settings, { workers: facts.threads })).data) };
}

/** Mel images to sound: non-negative least squares and fast Griffin-Lim. */
export async function invert({ mel: settings, seconds, clips, iterations, folder }: Job<'invert'>, facts: OwnFacts): Promise<RunningJob> {
  const codec = createMelCodec(settings);
  const vocoder = createThreadedGriffinLim(settings, { iterations, method: 'fast', start: 'random', isRefined: false }, { workers: facts.threads }); // the peer's work, not our default
  const sound = longSound(seconds * clips, settings.sampleRateHz);
  const length = Math.floor(sound.length / clips);
  const images = Array.from({ length: clips }, (_, clip) => codec.analyse(sound.subarray(clip * length, (clip + 1) * length)));
  writeFileSync(join(folder, 'images.f32'), Buffer.concat(images.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))));
  return {
    facts: { ...facts, parameters: null },
    async run() {
      let sum = 0;
      for await (const { channels } of inOrder(images, facts.threads + 1, (image) => vocoder.invert(image))) sum += rootMeanSquare(channels[0]);
      return sum / clips;
    },
  };
}

/** A folder of compressed sounds to the cache of slices; always from the start. Returns the number of slices. */
export async function prepare(job: Job<'prepare'>, facts: OwnFacts): Promise<RunningJob> {
  const config = await configOf(job);
  return {
    facts: { ...facts, parameters: null },
    async run() {
      const corpus = await prepareCorpus({ config, cacheFolder: join(job.folder, 'cache'), force: true, workers: facts.threads });
      const count = corpus.sliceCount('train') + corpus.sliceCount('validation');
      corpus.close();
      return count;
    },
  };
}

/** Two tones over noise, swelling; unlike itself within a minute. */
function longSound(seconds: number, sampleRateHz: number): Float32Array {
  const noise = createRandom(0, 'bench sound').normals(Math.round(Math.min(seconds, REPEATED_SECONDS) * sampleRateHz));
  const piece = noise.map((value, sample) => {
    const time = sample / sampleRateHz;
    return 0.02 * value + 0.3 * Math.sin(2 * Math.PI * (200 + 3 * time) * time) * Math.sin(time) ** 2 + 0.1 * Math.sin(2 * Math.PI * 1234 * time);
  });
  const sound = new Float32Array(Math.round(seconds * sampleRateHz));
  for (let start = 0; start < sound.length; start += piece.length) sound.set(piece.subarray(0, sound.length - start), start);
  return sound;
}

/** A plain loop: `reduce` takes a quarter of a second for an hour's image, where the peer's vectors take next to nothing. */
function meanSize(values: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += Math.abs(values[index]);
  return sum / values.length;
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
