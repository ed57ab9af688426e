// Puts a run's networks together as the pipeline that is saved and previewed. Knows no file and no loop.
import type { RunConfig } from '../config/run-config.js';
import { createPipeline, type Pipeline, type PipelineParts } from '../pipeline/pipeline.js';
import type { VocoderNetwork } from '../vocoder/vocoder-network.js';
import type { SliceSource } from './corpus-source.js';

/** The networks there are by now, and the scale of what is diffused. */
export type RunParts = Pick<PipelineParts, 'vae'> & Partial<Pick<PipelineParts, 'unet' | 'text' | 'upscaler' | 'scheduler'>> & { readonly scale: number; readonly shift: number };

interface RunAround {
  readonly config: RunConfig;
  readonly corpus: Pick<SliceSource, 'labels'>;
  /** Trained before, and saved along. */
  readonly vocoder?: VocoderNetwork | null;
}

/** The pipeline of a run. Memory: its networks stay their owners'. */
export function assemble({ config, corpus, vocoder }: RunAround, { vae, unet = null, text = null, upscaler, scheduler, scale, shift }: RunParts): Pipeline {
  const { mel, representation, diffusion } = config;
  const fits = scheduler !== undefined && (scheduler.kind === 'flow') === (diffusion.predictionType === 'flow'); // else it samples another process
  const labels = unet !== null && unet.config.num_class_embeds === null ? [] : corpus.labels; // a UNet that goes by words has none
  const untrained = config.upscaler === null ? null : { factor: config.upscaler.factor, unet: null };
  return createPipeline({
    mel, representation, vaeKind: config.vae.kind, labels, diffusion, scheduler: fits ? scheduler : undefined, vae, unet, text, upscaler: upscaler ?? untrained, vocoder,
    latentScale: scale, latentShift: shift,
  });
}
