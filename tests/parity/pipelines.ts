// Whole pipelines that are written here as folders of diffusers: one per class, retrained here where there is something to learn.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { silentReporter } from '../../src/base/logger.js';
import { createRandom } from '../../src/base/random.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { createNoiseSchedule, planScheduler } from '../../src/diffusion/index.js';
import type { HostTensor } from '../../src/nn/index.js';
import { createGuidedDenoiser, forwardUnet } from '../../src/pipeline/denoiser.js';
import { exportPipeline, type ExportClass } from '../../src/pipeline/export.node.js';
import { loadPipeline } from '../../src/pipeline/folder.node.js';
import { encodePrompts, type Pipeline, type PipelineCondition } from '../../src/pipeline/index.js';
import { readInitialDefaults } from '../../src/pipeline/initial-defaults.node.js';
import { trainRun } from '../../src/training/train.node.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { tinyCorpus } from '../training/_tiny-run.js';
import { writeTensors } from './exchange.js';

/** What pipelines.py is told of a folder. Tensors asked and answered lie beside it. */
export interface PipelineCase {
  readonly name: string;
  readonly className: ExportClass;
  readonly steps: number;
  readonly guidance: number;
  readonly prompts: readonly string[];
  readonly negativePrompt: string;
  /** Whether the class itself draws, and not its parts alone. */
  readonly isDrawn: boolean;
  /** Losses before and after retraining, autoencoder and UNet; empty for what was not retrained. */
  readonly losses: readonly (readonly [number, number])[];
}

const FIXTURES = fileURLToPath(new URL('../pipeline/fixtures/', import.meta.url));
const MEL = { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 8, frames: 16, minHz: 20, maxHz: 4000 };
const ASKED = { steps: 3, guidance: 2.5, prompts: ['a low tone', 'a high tone'], negativePrompt: 'noise' };
const SILENT = { steps: 3, guidance: 1, prompts: [], negativePrompt: '' };

/** Writes the pipelines, what they are asked and what they answer here, each into a folder of its own. */
export async function writePipelines(root: string, seed: number): Promise<PipelineCase[]> {
  const inside = { labels: [], unetNetwork: { num_class_embeds: null, sample_size: [8, 8] } };
  const ddim = { kind: 'ddim', spacing: 'trailing', stepsOffset: 0, clipRange: null, endsAtZero: true } as const;
  const makers: (() => Promise<readonly [Omit<PipelineCase, 'className' | 'isDrawn'>, Pipeline]>)[] = [
    async () => {
      const { pipeline, losses } = await retrained(root, 'text-to-image', { corpus: { path: 'nowhere', captionColumn: 'caption' } });
      return [{ name: 'retrained on captions', ...ASKED, losses }, pipeline];
    },
    async () => {
      const { pipeline, losses } = await retrained(root, 'diffusers/latent', { initialChannels: 'adapt', unet: { classTable: 'new' } });
      return [{ name: 'adapted to one channel, retrained on labels', ...SILENT, losses }, pipeline];
    },
    async () => [{ name: 'latents without labels, shifted', ...SILENT, losses: [] }, smallPipeline(inside)],
    async () => [{ name: 'pixels', ...SILENT, losses: [] }, smallPipeline({ ...inside, representation: 'pixel', scheduler: ddim })],
  ];
  const cases: PipelineCase[] = [];
  for (const [index, make] of makers.entries()) {
    const [asked, pipeline] = await make();
    const place = join(root, String(index));
    const { className } = await exportPipeline(join(place, 'model'), pipeline);
    const one = { ...asked, className, isDrawn: pipeline.labels.length === 0 };
    const { inputs, outputs } = await answer(pipeline, one, seed + index);
    writeTensors(join(place, 'inputs.safetensors'), inputs);
    writeTensors(join(place, 'outputs.safetensors'), outputs);
    pipeline.dispose();
    cases.push(one);
  }
  writeFileSync(join(root, 'job.json'), JSON.stringify(cases));
  return cases;
}

const TRAINING = { batchSize: 4, warmupSteps: 2, validateEvery: 20, previewEvery: 1000, checkpointEvery: 1000, emaDecay: 0.5 };

/** A pipeline retrained for a few steps on spectrograms, from a folder that diffusers made. */
async function retrained(root: string, folder: string, over: { readonly unet?: object; readonly [key: string]: unknown }): Promise<{ pipeline: Pipeline; losses: [number, number][] }> {
  const run = async (name: string, steps: number, learningRate: number) => {
    const training = { ...TRAINING, steps, learningRate };
    const path = join(root, `${name}.yaml`);
    const text = { seed: 3, corpus: { path: 'nowhere' }, mel: MEL, precision: 'float32', initialPipeline: join(FIXTURES, folder), ...over, vae: { training }, unet: { ...over.unet, training } };
    writeFileSync(path, JSON.stringify(text)); // YAML is JSON's superset
    const config = await loadRunConfig(path, { readInitial: readInitialDefaults });
    const corpus = tinyCorpus(config);
    const captionsOf = (split: 'train' | 'validation'): string[] => Array.from({ length: corpus.sliceCount(split) }, (_, index) => ASKED.prompts[index % 2]);
    const source = config.corpus.captionColumn === null ? corpus : { ...corpus, captionsOf };
    return trainRun({ config, corpus: source, runFolder: join(root, name), stage: 'all', resume: false, reporter: silentReporter });
  };
  const name = folder.replaceAll('/', '-');
  const [first, last] = [await run(`${name} first`, 1, 1e-9), await run(`${name} last`, 20, 4e-3)];
  const lossOf = ({ stages }: typeof first, stage: number): number => stages[stage].validations.at(-1)!.figures.loss;
  return { pipeline: await loadPipeline(last.pipelineFolder), losses: [0, 1].map((stage): [number, number] => [lossOf(first, stage), lossOf(last, stage)]) };
}

type Answers = { readonly inputs: Map<string, HostTensor>; readonly outputs: Map<string, HostTensor> };

/** The parts asked one by one, then all together. Images are [B, C, H, W] in both. */
async function answer(pipeline: Pipeline, { steps, guidance, prompts, negativePrompt, isDrawn }: PipelineCase, seed: number): Promise<Answers> {
  const { unet, vae, text, latentScale, latentShift, labels } = pipeline;
  const channels = vae?.config.latent_channels ?? unet!.config.in_channels!;
  const random = createRandom(seed, 'pipeline inputs');
  const draw = (): tf.Tensor4D => tf.tensor4d(random.normals(2 * channels * 64), [2, 8, 8, channels]);
  const [sample, noise] = [draw(), draw()];
  const classLabels = labels.length === 0 ? undefined : tf.tensor1d([0, labels.length], 'int32');
  const textStates = text === null ? undefined : encodePrompts(text, prompts);
  const negativeStates = text === null ? undefined : encodePrompts(text, prompts.map(() => negativePrompt));
  const decode = (latents: tf.Tensor4D): tf.Tensor4D => (vae === null ? latents : vae.decode(tf.add(tf.div(latents, latentScale), latentShift)));
  const outputs = new Map([['unet', host(forwardUnet(unet!, { sample, timestep: tf.tensor1d([7, 7]), classLabels }, textStates))]]);
  if (vae !== null) outputs.set('decoded', host(decode(sample)));
  if (textStates !== undefined) outputs.set('states', { shape: textStates.shape, data: textStates.dataSync<'float32'>() });
  if (isDrawn) {
    const schedule = createNoiseSchedule(pipeline.diffusion);
    const { path, sample: sampler } = planScheduler<PipelineCondition>({ schedule, steps }, pipeline.scheduler);
    const denoise = createGuidedDenoiser(pipeline, { guidance, timestepAt: path.timestepAt });
    const latents = await sampler({ ...path, denoise, initialNoise: noise, condition: { classLabels: null, textStates, negativeStates }, random: [] });
    outputs.set('image', host(tf.clipByValue(tf.add(tf.mul(decode(latents), 0.5), 0.5), 0, 1)));
  }
  const inputs = new Map([['sample', host(sample)], ['noise', host(noise)]]);
  if (classLabels !== undefined) inputs.set('labels', { shape: classLabels.shape, data: Float32Array.from(classLabels.dataSync()) });
  return { inputs, outputs };
}

/** [B, H, W, C] -> [B, C, H, W]. */
function host(x: tf.Tensor4D): HostTensor {
  const { shape } = x;
  const data = tf.tidy(() => tf.transpose(x, [0, 3, 1, 2])).dataSync<'float32'>();
  return { shape: [shape[0], shape[3], shape[1], shape[2]], data };
}
