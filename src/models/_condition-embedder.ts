// Timestep, class and further numbers of a UNet2DConditionModel as one vector per item.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { Unet2dConditionConfig } from '../config/unet-2d-condition.js';
import type { ParameterScope } from '../nn/parameters.js';
import { checkClassLabels, createClassEmbedding } from './_class-embedding.js';
import { createFourierProjection, createPositionalProjection, createTimeEmbedding } from './_time-embedding.js';

/** What addition_embed_type text_time takes. */
export interface AddedConditions {
  /** Pooled text. Shape: [B, width]. */
  readonly textEmbeds: tf.Tensor2D;
  /** Sizes and offsets of the picture. Shape: [B, count]. */
  readonly timeIds: tf.Tensor2D;
}

export interface ConditionEmbedder {
  /** @throws MelstromError when classes or added conditions are missing, misshapen, or there without use */
  check(batch: number, classLabels: tf.Tensor | undefined, added: AddedConditions | undefined): void;
  /** Shape: timesteps [B] -> [B, width that the blocks take]. */
  embed(timesteps: tf.Tensor1D, classLabels: tf.Tensor | undefined, added: AddedConditions | undefined): tf.Tensor2D;
}

/** Width of the time embedding, and of what blocks take: twice that where the class is joined to it. */
export function embeddingWidths(config: Unet2dConditionConfig): { readonly time: number; readonly blocks: number } {
  const time = config.time_embedding_dim ?? (config.time_embedding_type === 'fourier' ? 2 : 4) * config.block_out_channels[0];
  return { time, blocks: config.class_embeddings_concat ? 2 * time : time };
}

/** Source: diffusers 0.42, UNet2DConditionModel: get_time_embed, get_class_embed, get_aug_embed. */
export function createConditionEmbedder(root: ParameterScope, config: Unet2dConditionConfig): ConditionEmbedder {
  const [first] = config.block_out_channels;
  const width = embeddingWidths(config).time;
  const isFourier = config.time_embedding_type === 'fourier';
  const project = isFourier
    ? createFourierProjection(root.at('time_proj'), { width: width / 2, deviation: 1, isLogarithmic: false, isCosineFirst: config.flip_sin_to_cos })
    : createPositionalProjection({ width: first, isCosineFirst: config.flip_sin_to_cos, frequencyShift: config.freq_shift });
  const projectedWidth = isFourier ? width : first;
  const embedTime = createTimeEmbedding(root.at('time_embedding'), projectedWidth, width);
  const classes = createClassEmbedding(root.at('class_embedding'), {
    type: config.class_embed_type,
    rows: config.num_class_embeds,
    width,
    inputWidth: config.projection_class_embeddings_input_dim,
    projectTime: project,
    projectedWidth,
  });
  const addition = config.addition_embed_type === null ? null : createTextTimeEmbedding(root, config, width);

  return {
    check(batch, classLabels, added) {
      checkClassLabels(classes, classLabels, batch);
      checkAdded(config, batch, added);
    },
    embed(timesteps, classLabels, added) {
      let sum = embedTime(project(timesteps));
      if (classes !== null) {
        const vectors = classes.embed(classLabels!);
        sum = config.class_embeddings_concat ? (tf.concat([sum, vectors], 1) as tf.Tensor2D) : tf.add(sum, vectors);
      }
      return addition === null ? sum : tf.add(sum, addition(added!));
    },
  };
}

function createTextTimeEmbedding(root: ParameterScope, config: Unet2dConditionConfig, width: number) {
  const project = createPositionalProjection({
    width: config.addition_time_embed_dim!, isCosineFirst: config.flip_sin_to_cos, frequencyShift: config.freq_shift,
  });
  const embed = createTimeEmbedding(root.at('add_embedding'), config.projection_class_embeddings_input_dim!, width);
  return ({ textEmbeds, timeIds }: AddedConditions): tf.Tensor2D => {
    const sines = project(tf.cast(tf.reshape(timeIds, [-1]), 'float32') as tf.Tensor1D); // [B, count] -> [B·count, width]
    return embed(tf.concat([textEmbeds, tf.reshape(sines, [textEmbeds.shape[0], -1])], 1) as tf.Tensor2D);
  };
}

function checkAdded(config: Unet2dConditionConfig, batch: number, added: AddedConditions | undefined): void {
  if ((config.addition_embed_type === null) !== (added === undefined)) {
    const expected = config.addition_embed_type === null ? 'none, as addition_embed_type is null' : 'textEmbeds and timeIds, as addition_embed_type is text_time';
    throw new MelstromError({ kind: 'usage', where: 'unet: addedConditions', got: added === undefined ? 'none' : 'some', expected });
  }
  if (added === undefined) return;
  requireShape('unet: addedConditions.timeIds', added.timeIds.shape, [batch, null]);
  const rest = config.projection_class_embeddings_input_dim! - added.timeIds.shape[1] * config.addition_time_embed_dim!;
  requireShape('unet: addedConditions.textEmbeds', added.textEmbeds.shape, [batch, rest]);
}
