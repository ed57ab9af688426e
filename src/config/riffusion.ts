// The settings of Riffusion's spectrogram images, under names with units. Knows no image and does no arithmetic.
import { z } from 'zod';

const fields = z.strictObject({
  /** Samples per second. */
  sampleRateHz: z.int().min(1000).max(384_000).default(44_100),
  /** Whether the image holds two channels of sound, in green and blue, or one, in grey. */
  isStereo: z.boolean().default(false),
  /** Time between columns. */
  hopMilliseconds: z.number().min(0.1).max(1000).default(10),
  /** Time under the Hann window. Longer: finer in pitch, blurred in time. */
  windowMilliseconds: z.number().min(1).max(1000).default(100),
  /** Time per transform, zeros around the window included: how closely its bins lie. */
  paddedMilliseconds: z.number().min(1).max(4000).default(400),
  /** Rows of the image. */
  melBins: z.int().min(4).max(2048).default(512),
  /** Lower edge of the lowest row. */
  minHz: z.number().min(0).default(0),
  /** Upper edge of the highest row, at most half of sampleRateHz. */
  maxHz: z.number().positive().default(10_000),
  /** Exponent between amplitude and darkness. Smaller: more of the quiet cells survives 8 bits. */
  power: z.number().min(0.01).max(4).default(0.25),
});

/** Unknown data → Riffusion's settings, its defaults where nothing is said. Unknown keys and contradictions are refused. */
export const riffusionSchema = fields.superRefine((settings, context) => {
  const refuse = (key: keyof typeof settings, message: string): void => {
    context.addIssue({ code: 'custom', path: [key], message, input: settings[key] });
  };
  if (settings.windowMilliseconds > settings.paddedMilliseconds) refuse('windowMilliseconds', `expected at most paddedMilliseconds (${settings.paddedMilliseconds})`);
  if (settings.hopMilliseconds * 2 > settings.windowMilliseconds) refuse('hopMilliseconds', `expected at most half of windowMilliseconds (${settings.windowMilliseconds / 2})`);
  if (settings.minHz >= settings.maxHz) refuse('minHz', `expected less than maxHz (${settings.maxHz})`);
  if (settings.maxHz * 2 > settings.sampleRateHz) refuse('maxHz', `expected at most half of sampleRateHz (${settings.sampleRateHz / 2})`);
});

/** Settings of one Riffusion image. */
export type RiffusionSettings = Readonly<z.output<typeof fields>>;

/** What Riffusion assumes of an image that says nothing about itself. */
export const defaultRiffusionSettings: RiffusionSettings = Object.freeze(riffusionSchema.parse({}));
