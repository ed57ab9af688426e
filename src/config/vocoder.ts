// The schemas of the neural vocoder: its network, its losses, its stage; and what the mel settings imply for them. Knows no network.
import { z } from 'zod';
import type { MelSettings } from './mel.js';
import type { ReadonlyConfig } from './network-checks.js';
import type { ConfigProblem } from './problems.js';
import { discriminatorSchema, trainingSchema } from './training.js';

const count = z.int().min(1);
const derived = count.max(65_536).nullable().default(null);
const powerOfTwo = z.int().min(64).max(16_384).refine((size) => (size & (size - 1)) === 0, { error: 'expected a power of two, for example 1024' });

/** Keys of the reference's VocosBackbone and ISTFTHead; from mel_prior on they are ours. What is null is derived from the mel settings. */
export const vocosSchema = z.strictObject({
  /** Mel bins of the input. */
  input_channels: derived,
  /** Channels between blocks. Cost grows with dim × intermediate_dim × num_layers. */
  dim: count.max(4096).default(128),
  /** Channels inside a block; three times dim is usual. */
  intermediate_dim: count.max(16_384).default(384),
  /** Blocks. Each sees three frames further to either side. */
  num_layers: count.max(64).default(3),
  /** What each block adds is scaled by this at the start, and by a learnt vector from then on; null: 1 / num_layers. */
  layer_scale_init_value: z.number().positive().nullable().default(null),
  /** Samples per transform, and from frame to frame. */
  n_fft: derived,
  hop_length: derived,
  /** Samples under the window. */
  win_length: derived,
  /** Frames stand around their samples: N frames make (N - 1) · hop_length samples. */
  padding: z.literal('center').default('center'),
  /** Magnitudes are held to this; the reference has 100, where a sine at full scale has n_fft / 4. null: n_fft. */
  max_magnitude: z.number().positive().nullable().default(null),
  /**
   * Whether magnitudes start as the mel image's, spread evenly over each filter, so that the network learns what the image leaves open and
   * keeps its level from the first step. false is the reference: everything is learnt.
   */
  mel_prior: z.boolean().default(true),
  /**
   * What the network says of an image. `spectrum` is the reference: magnitudes and phases, whose inverse transform is the sound. `magnitudes`: those
   * alone, in place of the ones that least squares would give the classical inverter, which finds the phases.
   */
  predicts: z.enum(['spectrum', 'magnitudes']).default('spectrum'),
});

/** Of a run: magnitudes are learnt in minutes, and phases need not be. Stored networks that do not say so have learnt both. */
const trainedVocosSchema = vocosSchema.extend({ predicts: vocosSchema.shape.predicts.removeDefault().default('magnitudes') });

/** Of networks that predict a spectrum, which it leads, and of the comparison with the inverter; what predicts magnitudes is led to the logarithms of the true ones. */
const lossSchema = z
  .strictObject({
    /** Weight of the multi-resolution STFT loss: spectral convergence and absolute error of logarithmic magnitudes. */
    stftWeight: z.number().min(0).default(1),
    /** Its transform sizes, each with a Hann window and a hop of a quarter. Short ones hear onsets, long ones pitch. */
    fftSizes: z.array(powerOfTwo).min(1).max(8).default([512, 1024, 2048]),
    /** Weight of the absolute error of the logarithmic mel spectrum. */
    melWeight: z.number().min(0).default(1),
    /** Weight of the discriminators' term, one discriminator per transform size; 0 leaves them out. */
    discriminatorWeight: z.number().min(0).default(0),
    /** The step at which their term joins. They train from 10 % earlier on. */
    discriminatorStartStep: z.int().min(0).default(1000),
  })
  .prefault({});

/** What turns mel images into sound in place of the classical inverter. null: there is none. */
export const vocoderSchema = z
  .strictObject({
    network: trainedVocosSchema.prefault({}),
    /** Frames of the windows it is trained on, drawn over the corpus' sounds. Longer: more context, slower steps. */
    windowFrames: z.int().min(4).max(4096).default(64),
    /** Speeds at which windows are played, pitch and all, drawn evenly: for a corpus of few pitches. A tuned one loses its tuning so. */
    speeds: z.array(z.number().min(0.5).max(2)).min(1).max(8).default([1]),
    loss: lossSchema,
    /** augment.gainDb moves the level of a window, sound and image alike; windows lie anywhere, so there is no shift. */
    training: trainingSchema,
    discriminator: discriminatorSchema,
  })
  .nullable()
  .default(null);

export type VocoderLossConfig = ReadonlyConfig<z.output<typeof lossSchema>>;
type VocosKeys = ReadonlyConfig<z.output<typeof vocosSchema>>;

/** The network's configuration with nothing left to derive. */
export type VocosConfig = { readonly [Key in keyof VocosKeys]: NonNullable<VocosKeys[Key]> };

/** What the mel settings say of the network. */
function vocosOfMel({ melBins, fftSize, hopSamples, windowSamples }: MelSettings): Pick<VocosConfig, 'input_channels' | 'n_fft' | 'hop_length' | 'win_length'> {
  return { input_channels: melBins, n_fft: fftSize, hop_length: hopSamples, win_length: windowSamples };
}

/** Fills in what is null. */
export function deriveVocos(network: VocosKeys, mel: MelSettings): VocosConfig {
  const { layer_scale_init_value: scale, max_magnitude: most } = network;
  return Object.freeze({ ...network, ...vocosOfMel(mel), layer_scale_init_value: scale ?? 1 / network.num_layers, max_magnitude: most ?? mel.fftSize });
}

/** Where the network contradicts the mel settings. */
export function vocosProblems(network: VocosKeys, mel: MelSettings, block: string): ConfigProblem[] {
  return Object.entries(vocosOfMel(mel)).flatMap(([key, expected]) => {
    const got = network[key as keyof VocosKeys];
    return got === null || got === expected ? [] : [{ key: `${block}.${key}`, got: String(got), expected: `${expected}, as the mel settings have it`, fix: 'Leave it out: it is derived.' }];
  });
}

/** Everything in the block that does not fit together, or not the mel settings. */
export function vocoderProblems({ mel, vocoder }: { readonly mel: MelSettings; readonly vocoder: z.output<typeof vocoderSchema> }): ConfigProblem[] {
  if (vocoder === null) return [];
  const { windowFrames, loss, training } = vocoder;
  const largest = Math.max(...loss.fftSizes);
  const least = Math.ceil(largest / mel.hopSamples) + 1;
  const { shiftFrames } = training.augment;
  return [
    ...vocosProblems(vocoder.network, mel, 'vocoder.network'),
    ...(vocoder.network.predicts === 'magnitudes' && loss.discriminatorWeight > 0
      ? [{ key: 'vocoder.loss.discriminatorWeight', got: String(loss.discriminatorWeight), expected: '0 where the network predicts magnitudes, since discriminators judge its sound', fix: 'Leave it out, or set vocoder.network.predicts to spectrum.' }]
      : []),
    ...(windowFrames < least ? [{ key: 'vocoder.windowFrames', got: String(windowFrames), expected: `at least ${least}, so that the largest of vocoder.loss.fftSizes (${largest}) fits in` }] : []),
    ...(new Set(loss.fftSizes).size < loss.fftSizes.length ? [{ key: 'vocoder.loss.fftSizes', got: loss.fftSizes.join(', '), expected: 'each size once' }] : []),
    ...(shiftFrames > 0 ? [{ key: 'vocoder.training.augment.shiftFrames', got: String(shiftFrames), expected: '0, since windows are drawn anywhere in a sound' }] : []),
  ];
}
