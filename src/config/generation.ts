// The schema of how new sounds are drawn when the command line does not say otherwise. Knows no sampler.
import { z } from 'zod';

const share = z.number().min(0).max(1);

/** The defaults of `generate` and of the previews in training. */
export const generationSchema = z
  .strictObject({
    /**
     * Which sampler turns noise into a latent. dpmpp2m needs the fewest steps; ddpm, euler-ancestral and ddim with eta add fresh noise;
     * heun asks the network twice per step. `scheduler` does what the pipeline's own scheduler_config.json says, as diffusers does.
     */
    sampler: z.enum(['dpmpp2m', 'ddim', 'ddpm', 'euler', 'euler-ancestral', 'heun', 'pndm', 'scheduler']).default('dpmpp2m'),
    /**
     * Which noise levels a named sampler visits. trailing starts at the noisiest; leading stops short of it; linspace has both ends;
     * karras and exponential spread the steps by noise level and not by timestep. `scheduler` has its own.
     */
    spacing: z.enum(['trailing', 'leading', 'linspace', 'karras', 'exponential']).default('trailing'),
    /** Calls of the network per clip. Range 1 to diffusion.trainTimesteps; above 50 little is heard. */
    steps: z.int().min(1).max(10_000).default(30),
    /** Calls of the upscaler per clip, where there is one; null: as many as steps. Fewer are enough, since the small image is given. */
    upscalerSteps: z.int().min(1).max(10_000).nullable().default(null),
    /** How far the label is pushed: 1 follows it as trained, more is purer and less varied, 0 ignores it. */
    guidance: z.number().min(0).max(50).default(2),
    /** How much of the level and contrast that guidance adds to each answer of the network is taken back, 0 to 1. Where a sample was led stays. */
    guidanceRescale: z.number().min(0).max(1).default(0),
    /**
     * Between which noise levels the label is pushed, as shares of noise in what the network is given: 0 is clean, 1 nothing but noise.
     * [0.3, 0.98] with more guidance gives clips that are nearer to real ones as a set, a little less pure, and asks the network less.
     */
    guidanceInterval: z.tuple([share, share]).refine(([low, high]) => low < high, { error: 'expected the lower share first, for example [0.3, 0.98]' }).readonly().default([0, 1]),
    /**
     * Calls of the network in which each clip is drawn once more without guidance, to be given the level that it has then: guidance makes clips
     * louder, drum hits by 7 dB at 3. 0: as loud as guidance makes them. Of a clip of 32 slices or more an excerpt is drawn.
     */
    levelSteps: z.int().min(0).max(10_000).default(8),
    /** Fresh noise per step of ddim: 0 none, 1 as much as ddpm. */
    eta: z.number().min(0).max(1).default(0),
    /** Clips drawn at once. Changes memory and speed, not the clips. */
    batchSize: z.int().min(1).default(16),
    /** Iterations of Griffin-Lim, or of what phaseMethod names in its place, which find the phase. Range 0 to 1000; more: less reverberant, slower. */
    griffinLimIterations: z.int().min(0).max(1000).default(32),
    /** How they find it: fast, accelerated and admm are one method throughout; staged begins with admm and goes on with accelerated. */
    phaseMethod: z.enum(['staged', 'fast', 'accelerated', 'admm']).default('staged'),
    /** Where they start: pghi from what the magnitudes' slopes say of the phase, random from anywhere, which leaves tones rougher. */
    phaseStart: z.enum(['pghi', 'random']).default('pghi'),
    /** refined: where under a mel filter the sound lies follows from the phases found; fixed: spread evenly, as least squares gave it. */
    magnitudes: z.enum(['refined', 'fixed']).default('refined'),
  })
  .prefault({});

export type GenerationConfig = Readonly<z.output<typeof generationSchema>>;
