// The two kinds of UNet that a pipeline may hold, told apart by their configuration.
import type * as tf from '@tensorflow/tfjs';
import type { Unet2d, Unet2dInputs } from '../models/index.js';
import type { ParameterTree } from '../nn/index.js';

/** A UNet that attends to the states of a text. */
export interface TextUnet {
  readonly config: {
    readonly in_channels: number | null;
    readonly out_channels: number | null;
    readonly block_out_channels: readonly number[];
    /** Channels of the states; a list has null where a level does not attend. */
    readonly cross_attention_dim: number | readonly (number | null)[] | null;
    readonly num_class_embeds: number | null;
  };
  readonly parameters: ParameterTree;
  /** Shape: encoderHiddenStates [B, T, cross_attention_dim] -> [B, H, W, out_channels]. */
  forward(inputs: Unet2dInputs & { readonly encoderHiddenStates?: tf.Tensor3D }): tf.Tensor4D;
  dispose(): void;
}

export type AnyUnet = Unet2d | TextUnet;

/** Whether it is a UNet2DConditionModel, which is asked with the states of a text. */
export function isTextUnet(unet: AnyUnet): unet is TextUnet {
  return 'cross_attention_dim' in unet.config;
}
