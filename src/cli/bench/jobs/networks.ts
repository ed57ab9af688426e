// Our side of the rows about networks: sets a step up, leaves its weights and inputs for the peer, and runs it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deriveNetworks } from '../../../config/derive.js';
import { loadRunConfig } from '../../../config/load.node.js';
import { resolveOverrides, type RunConfig } from '../../../config/run-config.js';
import type { AutoencoderKLConfig } from '../../../config/autoencoder-kl.js';
import { encodeSafetensors, toReference, type HostTensor } from '../../../nn/index.js';
import type { AutoencoderKL, Unet2d } from '../../../models/index.js';
import { toUnetConfig, toVaeConfig } from '../../../pipeline/model-index.js';
import { toJson, WEIGHTS } from '../../../pipeline/folder.node.js';
import type { Pipeline } from '../../../pipeline/pipeline.js';
import { createMeasuredUnet, createMeasuredVae } from '../../../training/measured-steps.js';
import type { Job, RunningJob } from '../job.js';

/** Labels of the drum configuration; a UNet has one class more. */
export const LABELS = 10;

/** The configuration of a job, with its changes. */
export async function configOf({ config, overrides }: { readonly config: string; readonly overrides: readonly string[] }): Promise<RunConfig> {
  return resolveOverrides(await loadRunConfig(config), overrides);
}

/** The UNet's training step. */
export async function unetStep(job: Job<'unet-step'>, facts: Pick<RunningJob['facts'], 'threads' | 'versions'>): Promise<RunningJob> {
  const config = await configOf(job);
  const { unet, sampleShape } = deriveNetworks(config, LABELS);
  const { gradientCheckpointing } = config.unet.training;
  const step = createMeasuredUnet(unet, sampleShape, { ...job.settings, gradientCheckpointing });
  leaveNetwork(join(job.folder, 'unet'), toUnetConfig({ unet: step.network }), step.network);
  leaveInputs(job.folder, step.inputs);
  return { facts: { ...facts, parameters: step.parameterCount }, run: () => step.run() };
}

/** The autoencoder's training step, with or without the discriminator's. */
export async function vaeStep(job: Job<'vae-step'>, facts: Pick<RunningJob['facts'], 'threads' | 'versions'>): Promise<RunningJob> {
  const config = await configOf(job);
  const { mel, vae } = config;
  const { loss, discriminator } = job;
  const frames = vae.cropFrames ?? mel.frames;
  const step = createMeasuredVae(vae.network as AutoencoderKLConfig, { loss, discriminator, training: vae.training, melBins: mel.melBins, frames }, job.settings);
  leaveNetwork(join(job.folder, 'vae'), toVaeConfig({ vae: step.network, latentScale: 1, latentShift: 0 } as Pipeline), step.network);
  leaveInputs(job.folder, step.inputs);
  return { facts: { ...facts, parameters: step.parameterCount }, run: () => step.run() };
}

function leaveNetwork(folder: string, config: object, { parameters }: Unet2d | AutoencoderKL): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), toJson(config));
  writeFileSync(join(folder, WEIGHTS), encodeSafetensors(toReference(parameters)));
}

function leaveInputs(folder: string, inputs: ReadonlyMap<string, HostTensor>): void {
  writeFileSync(join(folder, 'inputs.safetensors'), encodeSafetensors(inputs));
}
