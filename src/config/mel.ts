// The settings of the mel codec: how sound becomes an image. Knows no audio and does no arithmetic on it.
import { z } from 'zod';

const powerOfTwo = z
  .int()
  .min(64)
  .max(32768)
  .refine((size) => (size & (size - 1)) === 0, { error: 'expected a power of two, for example 1024' });

const fields = z.strictObject({
  /** Samples per second of everything the model hears and makes. Half of it is the highest pitch that can exist. */
  sampleRateHz: z.int().min(1000).max(384_000).default(22_050),
  /** Channels of sound. 2: left and right, as an image of three channels that the networks see at once: mid, side, and how they hang together. Files of one channel have no side. */
  channels: z.literal([1, 2]).default(1),
  /** Samples per transform, a power of two. Larger: finer in pitch, blurred in time. */
  fftSize: powerOfTwo.default(1024),
  /** Samples under the Hann window, centred inside fftSize; at most fftSize. */
  windowSamples: z.int().min(16).max(32768).default(1024),
  /** Samples between frames, at most half of windowSamples. Smaller: more frames, slower, finer in time. */
  hopSamples: z.int().min(1).max(16384).default(256),
  /** Rows of the image. More: finer in pitch, slower. */
  melBins: z.int().min(4).max(1024).default(80),
  /** Lower edge of the lowest mel bin. */
  minHz: z.number().min(0).default(20),
  /** Upper edge of the highest mel bin, at most half of sampleRateHz. */
  maxHz: z.number().positive().default(11_025),
  /** slaney is linear below 1 kHz and logarithmic above; htk is 2595·log10(1 + f/700). */
  melScale: z.enum(['slaney', 'htk']).default('slaney'),
  /** none: every filter peaks at 1, so cells read in dBFS; slaney: every filter has unit area in hertz. */
  melNorm: z.enum(['slaney', 'none']).default('none'),
  /** Decibels re full scale that map to -1. At or below it a cell is silence. */
  floorDb: z.number().min(-200).max(60).default(-80),
  /** Decibels re full scale that map to 1; louder cells are clipped. 6 is above what samples within ±1 can reach with melNorm none. */
  ceilingDb: z.number().min(-200).max(60).default(6),
  /** Frames of one slice: the width of the image a network sees. */
  frames: z.int().min(1).max(65_536).default(128),
});

/** Unknown YAML → mel settings with defaults. Unknown keys and contradictions are refused. */
export const melSchema = fields.superRefine((mel, context) => {
  const refuse = (key: keyof typeof mel, message: string): void => {
    context.addIssue({ code: 'custom', path: [key], message, input: mel[key] });
  };
  if (mel.windowSamples > mel.fftSize) refuse('windowSamples', `expected at most fftSize (${mel.fftSize})`);
  if (mel.hopSamples * 2 > mel.windowSamples) {
    refuse('hopSamples', `expected at most half of windowSamples (${Math.floor(mel.windowSamples / 2)}); a quarter is usual`);
  }
  if (mel.minHz >= mel.maxHz) refuse('minHz', `expected less than maxHz (${mel.maxHz})`);
  if (mel.maxHz * 2 > mel.sampleRateHz) refuse('maxHz', `expected at most half of sampleRateHz (${mel.sampleRateHz / 2})`);
  if (mel.floorDb >= mel.ceilingDb) refuse('floorDb', `expected less than ceilingDb (${mel.ceilingDb})`);
});

/** The codec's settings. Hz, samples and decibels re full scale as the names say. */
export type MelSettings = Readonly<z.output<typeof fields>>;

/** The settings of a configuration that says nothing about mel. */
export const defaultMelSettings: MelSettings = Object.freeze(melSchema.parse({}));
