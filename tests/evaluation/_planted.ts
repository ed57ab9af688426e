// A small world of sounds whose faults are known: plucks, noise bursts and thumps with parameters drawn from a seed, and what is done to them.
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { createChannelResampler } from '../../src/dsp/resample.js';
import { createClipMeter } from '../../src/evaluation/clip-measures.js';
import { coarseOf, type Comparable } from '../../src/evaluation/memorisation.js';
import { fineTextureDb } from '../../src/evaluation/fine-texture.js';
import type { MeasuredClip } from '../../src/evaluation/set-report.js';
import { createSpectralEmbedding } from '../../src/evaluation/spectral-embedding.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';

export const RATE_HZ = 44_100;
/** Silence before each sound, so that a shift in time loses nothing. */
const LEAD = 2048;
const SAMPLES = LEAD + 12_000;
export const LABEL_COUNT = 3;

export interface Sound {
  readonly samples: Float32Array;
  readonly label: number;
}

/** Sounds of all labels in turn. Another seed draws others from the same distribution. */
export function drawSounds(count: number, seed: number): Sound[] {
  return Array.from({ length: count }, (_, index) => ({ label: index % LABEL_COUNT, samples: drawSound(index % LABEL_COUNT, createRandom(seed, 'planted', index)) }));
}

function drawSound(label: number, random: ReturnType<typeof createRandom>): Float32Array {
  const gain = 10 ** (-random.uniform() / 2);
  const decay = 30 + 40 * random.uniform();
  const hz = [300 + 900 * random.uniform(), 0, 50 + 80 * random.uniform()][label];
  const colour = 0.2 + 0.7 * random.uniform();
  const [overtone, breath] = [random.uniform(), 0.2 * random.uniform()];
  let held = 0;
  return Float32Array.from({ length: SAMPLES }, (_, index) => {
    if (index < LEAD) return 0;
    const seconds = (index - LEAD) / RATE_HZ;
    held += colour * (0.5 * random.normal() - held);
    const partials = Math.sin(2 * Math.PI * hz * seconds) + overtone * Math.sin(6 * Math.PI * hz * seconds);
    const wave = label === 1 ? held : partials + breath * held;
    return 0.4 * gain * wave * Math.exp(-decay * seconds);
  });
}

export const change = (sounds: readonly Sound[], edit: (samples: Float32Array, index: number) => Float32Array): Sound[] =>
  sounds.map(({ samples, label }, index) => ({ label, samples: edit(samples, index) }));

/** Adds white noise of a level in dB re full scale. */
export function addNoise(sounds: readonly Sound[], levelDb: number): Sound[] {
  return change(sounds, (samples, index) => {
    const random = createRandom(77, 'noise', index);
    return samples.map((sample) => sample + 10 ** (levelDb / 20) * random.normal());
  });
}

/** Takes everything above a frequency away, by the resampler. */
export function lowPass(sounds: readonly Sound[], hz: number): Sound[] {
  const convert = (samples: Float32Array, from: number, to: number): Float32Array => {
    const resampler = createChannelResampler(from, to);
    return Float32Array.of(...resampler.process(samples), ...resampler.flush());
  };
  return change(sounds, (samples) => convert(convert(samples, RATE_HZ, 2 * hz), 2 * hz, RATE_HZ).slice(0, SAMPLES));
}

const embedding = createSpectralEmbedding();
const meter = createClipMeter(RATE_HZ);
const codec = createMelCodec(melSchema.parse({ sampleRateHz: RATE_HZ, fftSize: 2048, windowSamples: 2048, hopSamples: 512, melBins: 40, maxHz: 20_000 }));

export function measure(sounds: readonly Sound[]): Promise<MeasuredClip[]> {
  return Promise.all(sounds.map(async ({ samples, label }) => ({ label, measures: meter([samples]), textureDb: fineTextureDb(codec.analyse(samples)), embedding: await embedding.embed(samples) })));
}

export function comparable(sounds: readonly Sound[]): Comparable[] {
  return sounds.map(({ samples }, index) => {
    const image = codec.analyse(samples);
    return { coarse: coarseOf(image), group: String(index), image: () => image };
  });
}
