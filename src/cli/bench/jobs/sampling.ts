// Our side of the rows that draw: a pipeline with first weights, left for the peer, and drawn from.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../base/random.js';
import type { AutoencoderKLConfig } from '../../../config/autoencoder-kl.js';
import { deriveNetworks } from '../../../config/derive.js';
import { generateClips } from '../../../generation/index.js';
import { createAutoencoderKL, createUnet2d, type AutoencoderKL } from '../../../models/index.js';
import { encodeSafetensors, type HostTensor } from '../../../nn/index.js';
import { savePipeline } from '../../../pipeline/folder.node.js';
import { createPipeline, sampleShape, type Pipeline } from '../../../pipeline/pipeline.js';
import { captureParameters, restoreParameters } from '../../../training/trainer-state.js';
import type { Vocoder } from '../../../vocoder/vocoder.js';
import type { Job, RunningJob } from '../job.js';
import { configOf, LABELS } from './networks.js';

/** Where a job leaves its pipeline. */
export function pipelineFolder(folder: string): string {
  return join(folder, 'pipeline');
}

/** Latents by DDIM with guidance, and the images that the autoencoder makes of them. */
export async function sample(job: Job<'sample'>, facts: Pick<RunningJob['facts'], 'threads' | 'versions'>): Promise<RunningJob> {
  const pipeline = await createFirstPipeline(job);
  const folder = pipelineFolder(job.folder);
  if (!existsSync(folder)) await savePipeline(folder, pipeline);
  const items = Array.from({ length: job.clips }, (_, item) => item);
  const labels = items.map((item) => item % LABELS);
  writeFileSync(join(job.folder, 'inputs.safetensors'), encodeSafetensors(new Map([
    ['noise', initialNoise(pipeline, items)],
    ['labels', { shape: [labels.length], data: Float32Array.from(labels) }],
  ])));
  return {
    facts: { ...facts, parameters: pipeline.vae!.parameters.count + pipeline.unet!.parameters.count },
    async run() {
      let sum = 0;
      for await (const { image } of generateClips(pipeline, { seeds: items, labels, steps: job.steps, guidance: job.guidance, vocoder: muteVocoder(pipeline), batchSize: job.clips })) {
        sum += image.data.reduce((total, value) => total + Math.abs(value), 0) / image.data.length;
      }
      return sum / job.clips;
    },
  };
}

async function createFirstPipeline(job: Job<'sample'>): Promise<Pipeline> {
  const config = await configOf(job);
  const networks = deriveNetworks(config, LABELS);
  const vae = createAutoencoderKL(networks.vae as AutoencoderKLConfig, { seed: 0 });
  if (job.isCalm) calm(vae);
  return createPipeline({
    mel: config.mel, representation: 'latent', vaeKind: 'kl', diffusion: config.diffusion,
    labels: Array.from({ length: LABELS }, (_, label) => `label ${label}`),
    scheduler: { kind: 'ddim', spacing: 'trailing', stepsOffset: 0, clipRange: null, endsAtZero: true },
    vae,
    unet: createUnet2d(networks.unet, { seed: 0 }),
  });
}

/** Turns the last layer down to a hiss of some decibels: on images of noise over the whole range the peer's least squares do not end. */
function calm({ parameters }: AutoencoderKL): void {
  const values = captureParameters(parameters);
  const weights = values.get('decoder.conv_out.weight')!.data;
  weights.set(weights.map((value) => 0.1 * value));
  values.get('decoder.conv_out.bias')!.data.fill(-0.5);
  restoreParameters(parameters, values, 'bench');
}

/** The noise that generation draws for these seeds, as the peer reads it. Shape: [B, C, H, W]. */
function initialNoise(pipeline: Pipeline, seeds: readonly number[]): HostTensor {
  const [rows, columns, channels] = sampleShape(pipeline);
  const size = rows * columns * channels;
  const data = new Float32Array(seeds.length * size);
  for (const [item, seed] of seeds.entries()) {
    const noise = createRandom(seed, 'noise', 'initial').normals(size);
    for (let cell = 0; cell < rows * columns; cell += 1) {
      for (let channel = 0; channel < channels; channel += 1) data[item * size + channel * rows * columns + cell] = noise[cell * channels + channel];
    }
  }
  return { shape: [seeds.length, channels, rows, columns], data };
}

/** Turns images into nothing: this row ends at them. */
function muteVocoder({ mel }: Pipeline): Vocoder {
  return { name: 'none', invert: () => ({ sampleRateHz: mel.sampleRateHz, channels: [new Float32Array(1)] }) };
}
