// A corpus of many hours made ready and trained on, for its peak of memory.
import { mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWav } from '../../../audio/encode.node.js';
import { MelstromError } from '../../../base/errors.js';
import { silentReporter } from '../../../base/logger.js';
import { createRandom } from '../../../base/random.js';
import { prepareCorpus } from '../../../corpus/prepare.node.js';
import { trainRun } from '../../../training/train.node.js';
import type { Job, RunningJob } from '../job.js';
import { configOf } from './networks.js';

/** Of each file at most; the last one may be shorter. There are at least eight, so that some can be kept for validation. */
const FILE_SECONDS = 360;
const FEWEST_FILES = 8;
/** Of disk for a second of sound: the file, its slices, its latents and something over. */
const BYTES_PER_SAMPLE = 2;
const DISK_SHARE_OF_SOUND = 1.6;

/** @throws MelstromError (data) when the disk is too small */
export function requireDisk(folder: string, { hours, sampleRateHz }: { readonly hours: number; readonly sampleRateHz: number }): void {
  const needed = hours * 3600 * sampleRateHz * BYTES_PER_SAMPLE * DISK_SHARE_OF_SOUND;
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw new MelstromError({
    kind: 'data', where: folder, got: `${((bavail * bsize) / 1e9).toFixed(1)} GB free`, expected: `${(needed / 1e9).toFixed(1)} GB for ${hours} hours of sound, its slices and latents`,
    fix: 'Let TMPDIR name a folder on a larger disk, or take fewer hours.',
  });
}

/** Writes hours of sound, no two files alike, in two labels: one sound over and over, each time from another place on. Mono, 16 bits. */
export async function writeLargeCorpus(folder: string, { hours, sampleRateHz }: { readonly hours: number; readonly sampleRateHz: number }): Promise<void> {
  const total = Math.round(hours * 3600 * sampleRateHz);
  const noise = createRandom(0, 'large corpus').normals(Math.min(FILE_SECONDS * sampleRateHz, Math.ceil(total / FEWEST_FILES)));
  const samples = noise.map((value, sample) => 0.05 * value + 0.3 * Math.sin((2 * Math.PI * 440 * sample) / sampleRateHz));
  const first = join(folder, 'even', '0.wav');
  for (const label of ['even', 'odd']) mkdirSync(join(folder, label), { recursive: true });
  await writeWav(first, { sampleRateHz, channels: [samples] }, { bitDepth: 16 });
  const file = readFileSync(first);
  const [header, sound] = [file.subarray(0, file.length - BYTES_PER_SAMPLE * samples.length), file.subarray(file.length - BYTES_PER_SAMPLE * samples.length)];
  for (let number = 1; number * samples.length < total; number += 1) {
    const path = join(folder, number % 2 === 0 ? 'even' : 'odd', `${number}.wav`);
    const shift = (7919 * number) % samples.length;
    const left = total - number * samples.length;
    if (left < samples.length) await writeWav(path, { sampleRateHz, channels: [samples.subarray(0, left)] }, { bitDepth: 16 });
    else writeFileSync(path, Buffer.concat([header, sound.subarray(BYTES_PER_SAMPLE * shift), sound.subarray(0, BYTES_PER_SAMPLE * shift)]));
  }
}

/** Slices, trains the autoencoder, makes all latents and trains the UNet, each for a few steps. Returns the number of slices. */
export async function largeCorpus(job: Job<'large-corpus'>, facts: Pick<RunningJob['facts'], 'threads' | 'versions'>): Promise<RunningJob> {
  const config = await configOf(job);
  return {
    facts: { ...facts, parameters: null },
    isOnce: true,
    async run() {
      const corpus = await prepareCorpus({ config, cacheFolder: join(job.folder, 'cache') });
      try {
        await trainRun({ config, corpus, runFolder: join(job.folder, 'run'), stage: 'all', resume: false, reporter: silentReporter });
        return corpus.sliceCount('train') + corpus.sliceCount('validation');
      } finally {
        corpus.close();
      }
    },
  };
}
