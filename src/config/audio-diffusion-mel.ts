// The settings of audio-diffusion's `Mel` class, by the keys of its mel_config.json. Knows no image and does no arithmetic.
import { z } from 'zod';

const fields = z.strictObject({
  /** Columns of an image; null for as many as the sound has, which that class does not know. */
  x_res: z.int().min(1).max(1_048_576).nullable().default(256),
  /** Rows of an image: mel bins. */
  y_res: z.int().min(4).max(4096).default(256),
  /** Samples per second. */
  sample_rate: z.int().min(1000).max(384_000).default(22_050),
  /** Samples per transform, and under its Hann window. */
  n_fft: z.int().min(16).max(65_536).default(2048),
  /** Samples between columns, at most half of n_fft. */
  hop_length: z.int().min(1).max(32_768).default(512),
  /** Decibels from the loudest cell, which is white, down to black. */
  top_db: z.number().positive().max(300).default(80),
  /** Iterations of Griffin-Lim in that class; without effect here, where --iterations says it. */
  n_iter: z.int().min(1).default(32),
  _class_name: z.union([z.string(), z.array(z.string())]).optional(),
  _diffusers_version: z.string().optional(),
});

/** Unknown data → the settings, with that class's defaults. Unknown keys and contradictions are refused. */
export const audioDiffusionMelSchema = fields.superRefine((settings, context) => {
  if (settings.hop_length * 2 > settings.n_fft) {
    context.addIssue({ code: 'custom', path: ['hop_length'], message: `expected at most half of n_fft (${settings.n_fft / 2})`, input: settings.hop_length });
  }
});

/** Keys and meanings of audio-diffusion's `Mel`. */
export type AudioDiffusionMelSettings = Readonly<z.output<typeof fields>>;

/** What that class assumes when nothing is said. */
export const defaultAudioDiffusionMel: AudioDiffusionMelSettings = Object.freeze(audioDiffusionMelSchema.parse({}));
