// The networks of the live check behind one interface, in the reference's names and layouts.
import * as tf from '@tensorflow/tfjs';
import type { Unet2dConditionConfig } from '../../src/config/unet-2d-condition.js';
import type { Unet2dConfig } from '../../src/config/unet-2d.js';
import {
  createAutoencoderKL, createClipTextEncoder, createUnet2d, createUnet2dCondition, samplePosterior, type AutoencoderKL, type ClipTextEncoder, type Unet2d, type Unet2dCondition,
} from '../../src/models/index.js';
import type { HostTensor, ParameterTree } from '../../src/nn/index.js';
import { fromUnetConfig, fromVaeConfig, REFERENCE_VERSION } from '../../src/pipeline/model-index.js';
import { encoderConfigJson, fromEncoderConfig } from '../../src/pipeline/text-folder.node.js';
import type { ModelKind } from './configurations.js';

export type Tensors = ReadonlyMap<string, HostTensor>;

/** Memory: the caller disposes of the network; outputs are to be made inside tf.tidy. */
export interface LiveNetwork {
  readonly parameters: ParameterTree;
  /** The text of its config.json. */
  readonly configJson: string;
  /** Outputs by the names that reference.py gives them; images are [B, C, H, W]. */
  outputs(inputs: Tensors): Record<string, tf.Tensor>;
  dispose(): void;
}

/** File that holds the weights beside config.json. */
export function weightsName(kind: ModelKind): string {
  return kind === 'CLIPTextModel' ? 'model.safetensors' : 'diffusion_pytorch_model.safetensors';
}

/** Creates the network of a config.json of the reference; null leaves zeros, for weights that are loaded next. */
export function createLiveNetwork(kind: ModelKind, raw: Readonly<Record<string, unknown>>, seed: number | null): LiveNetwork {
  switch (kind) {
    case 'AutoencoderKL': {
      const vae = createAutoencoderKL(fromVaeConfig(raw, kind), { seed });
      return live(vae, diffusersJson(kind, vae), (inputs) => autoencoderOutputs(vae, inputs));
    }
    case 'UNet2DModel': {
      const unet = createUnet2d(fromUnetConfig(raw, kind) as Unet2dConfig, { seed });
      return live(unet, diffusersJson(kind, unet), (inputs) => unetOutputs(unet, inputs));
    }
    case 'UNet2DConditionModel': {
      const unet = createUnet2dCondition(fromUnetConfig(raw, kind) as Unet2dConditionConfig, { seed });
      return live(unet, diffusersJson(kind, unet), (inputs) => conditionOutputs(unet, inputs));
    }
    case 'CLIPTextModel': {
      const encoder = createClipTextEncoder(fromEncoderConfig(raw, kind), { seed });
      return live(encoder, encoderConfigJson(encoder.config), (inputs) => encoderOutputs(encoder, inputs));
    }
  }
}

interface Network {
  readonly parameters: ParameterTree;
  readonly config: object;
  dispose(): void;
}

function live(network: Network, configJson: string, outputs: LiveNetwork['outputs']): LiveNetwork {
  return { parameters: network.parameters, configJson, outputs, dispose: () => network.dispose() };
}

function diffusersJson(kind: ModelKind, { config }: Network): string {
  return JSON.stringify({ _class_name: kind, _diffusers_version: REFERENCE_VERSION, ...config }, null, 2);
}

function tensorOf(inputs: Tensors, name: string): tf.Tensor {
  const { shape, data } = inputs.get(name)!;
  return tf.tensor(data, [...shape], 'float32');
}

/** [B, C, H, W] -> [B, H, W, C]. */
const lastOf = (inputs: Tensors, name: string): tf.Tensor4D => tf.transpose(tensorOf(inputs, name) as tf.Tensor4D, [0, 2, 3, 1]);
/** [B, H, W, C] -> [B, C, H, W]. */
const first = (x: tf.Tensor4D): tf.Tensor4D => tf.transpose(x, [0, 3, 1, 2]);

/** Row numbers for a table, vectors else. */
function labelsOf(inputs: Tensors): tf.Tensor1D | tf.Tensor2D | undefined {
  if (!inputs.has('labels')) return undefined;
  const labels = tensorOf(inputs, 'labels') as tf.Tensor1D | tf.Tensor2D;
  return labels.rank === 1 ? tf.cast(labels as tf.Tensor1D, 'int32') : labels;
}

function autoencoderOutputs(vae: AutoencoderKL, inputs: Tensors): Record<string, tf.Tensor> {
  const posterior = vae.encode(lastOf(inputs, 'image'));
  const image = vae.decode(samplePosterior(posterior, lastOf(inputs, 'noise')));
  return { mean: first(posterior.mean), logVariance: first(posterior.logVariance), image: first(image) };
}

function unetOutputs(unet: Unet2d, inputs: Tensors): Record<string, tf.Tensor> {
  const timestep = tensorOf(inputs, 'timestep') as tf.Tensor1D;
  return { sample: first(unet.forward({ sample: lastOf(inputs, 'sample'), timestep, classLabels: labelsOf(inputs) as tf.Tensor1D | undefined })) };
}

function conditionOutputs(unet: Unet2dCondition, inputs: Tensors): Record<string, tf.Tensor> {
  const timestep = tensorOf(inputs, 'timestep') as tf.Tensor1D;
  const encoderHiddenStates = tensorOf(inputs, 'states') as tf.Tensor3D;
  const addedConditions = inputs.has('timeIds') ? { textEmbeds: tensorOf(inputs, 'textEmbeds') as tf.Tensor2D, timeIds: tensorOf(inputs, 'timeIds') as tf.Tensor2D } : undefined;
  return { sample: first(unet.forward({ sample: lastOf(inputs, 'sample'), timestep, encoderHiddenStates, classLabels: labelsOf(inputs), addedConditions })) };
}

function encoderOutputs(encoder: ClipTextEncoder, inputs: Tensors): Record<string, tf.Tensor> {
  const { shape, data } = inputs.get('ids')!;
  const { lastHiddenState, pooled } = encoder.forward(Int32Array.from(data), shape[0]);
  return { states: lastHiddenState, pooled };
}
