// Our side of the measurement at full size, in a process of its own. Arguments: folder, unet or vae, evaluations after one that is not counted.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describeEngine } from '../../src/engine/engine-info.js';
import { startEngine } from '../../src/engine/start.node.js';
import type { AutoencoderKL, Unet2dCondition } from '../../src/models/index.js';
import { decodeSafetensors, encodeSafetensors, type HostTensor } from '../../src/nn/index.js';
import { findPipeline } from '../../src/pipeline/find-pipeline.node.js';
import { openUnet, openVae } from '../../src/pipeline/open-networks.node.js';

const [folder, part, count] = process.argv.slice(2);
const engine = await startEngine('auto');

async function measured<T>(work: () => Promise<T>) {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { result, figures: { seconds, cpuSeconds: (user + system) / 1e6 } };
}

const inputs = decodeSafetensors(readFileSync(join(folder, 'inputs.safetensors')), 'inputs.safetensors');
const { shape, data } = inputs.get('sample')!;
const states = inputs.get('states')!;
const sample = tf.tidy(() => tf.transpose(tf.tensor4d(data, shape as [number, number, number, number]), [0, 2, 3, 1])); // [B, C, H, W] -> [B, H, W, C]
const encoderHiddenStates = tf.tensor3d(states.data, states.shape as [number, number, number]);
const timestep = tf.tensor1d([500]);

async function load(): Promise<() => tf.Tensor4D> {
  const found = await findPipeline(join(folder, part));
  if (part === 'vae') {
    const vae: AutoencoderKL = openVae(found.vae!).network;
    return () => vae.decode(sample);
  }
  const unet = openUnet({ ...found, unet: found.unet! }).network as Unet2dCondition;
  return () => unet.forward({ sample, timestep, encoderHiddenStates });
}

const { result: ask, figures: loading } = await measured(load);
/** As the reference has it, [B, C, H, W]. */
async function answer(): Promise<HostTensor> {
  const x = tf.tidy(() => tf.transpose(ask(), [0, 3, 1, 2]));
  const values = (await x.data()) as Float32Array;
  x.dispose();
  return { shape: x.shape, data: values };
}

const runs = [];
let last: HostTensor = await answer();
for (let run = 0; run < Number(count); run += 1) {
  const { result, figures } = await measured(answer);
  runs.push(figures);
  last = result;
}
const peakBytes = process.resourceUsage().maxRSS * 1024; // kilobytes on Linux
writeFileSync(join(folder, `${part}-ours.safetensors`), encodeSafetensors(new Map([['answer', last]])));
process.stdout.write(`${JSON.stringify({ engine: describeEngine(engine), threads: engine.threads, loading, runs, peakBytes })}\n`);
