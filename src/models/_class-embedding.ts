// Classes, or other vectors that condition a whole item, as vectors of the time embedding's width.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { createEmbedding, createLinear } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';
import { createTimeEmbedding, type TimeProjection } from './_time-embedding.js';

/**
 * null: a table, one row per class. timestep: a number, through sines and two layers. identity: the vector itself.
 * projection: a vector through two layers. simple_projection: a vector through one linear layer.
 */
export type ClassEmbedType = 'timestep' | 'identity' | 'projection' | 'simple_projection' | null;

export interface ClassEmbeddingOptions {
  readonly type: ClassEmbedType;
  /** Rows of the table; null with type null for no classes at all. */
  readonly rows: number | null;
  /** Width of the result. */
  readonly width: number;
  /** Width of the vectors that projections take. */
  readonly inputWidth: number | null;
  /** How timesteps become vectors, and the width of those. */
  readonly projectTime: TimeProjection;
  readonly projectedWidth: number;
}

export interface ClassEmbedding {
  /** Shape: labels [B] or [B, input width], as the type says -> [B, width]. */
  embed(labels: tf.Tensor): tf.Tensor2D;
  /** Shape of one item's label. */
  readonly labelShape: readonly number[];
}

/**
 * null where the network has no classes.
 *
 * Source: diffusers 0.42, class_embed_type of UNet2DModel and UNet2DConditionModel.
 */
export function createClassEmbedding(scope: ParameterScope, options: ClassEmbeddingOptions): ClassEmbedding | null {
  const { type, rows, width, inputWidth, projectTime, projectedWidth } = options;
  switch (type) {
    case null: {
      if (rows === null) return null;
      const look = createEmbedding(scope, { rows, width });
      return { labelShape: [], embed: (labels) => look(labels as tf.Tensor1D) };
    }
    case 'timestep': {
      const embedNumber = createTimeEmbedding(scope, projectedWidth, width);
      return { labelShape: [], embed: (labels) => embedNumber(projectTime(tf.cast(labels as tf.Tensor1D, 'float32'))) };
    }
    case 'identity':
      return { labelShape: [width], embed: (labels) => tf.cast(labels as tf.Tensor2D, 'float32') };
    case 'projection': {
      const project = createTimeEmbedding(scope, requireWidth(inputWidth), width);
      return { labelShape: [requireWidth(inputWidth)], embed: (labels) => project(labels as tf.Tensor2D) };
    }
    case 'simple_projection': {
      const project = createLinear(scope, { inChannels: requireWidth(inputWidth), outChannels: width });
      return { labelShape: [requireWidth(inputWidth)], embed: (labels) => project(labels as tf.Tensor2D) };
    }
  }
}

/** @throws MelstromError when labels are there without classes, or missing or misshapen with them */
export function checkClassLabels(embedding: ClassEmbedding | null, labels: tf.Tensor | undefined, batch: number): void {
  if (embedding !== null) {
    requireShape('unet: classLabels', labels?.shape ?? [], [batch, ...embedding.labelShape]);
  } else if (labels !== undefined) {
    throw new MelstromError({ kind: 'usage', where: 'unet: classLabels', got: 'labels', expected: 'none, as class_embed_type and num_class_embeds are null' });
  }
}

function requireWidth(width: number | null): number {
  if (width !== null) return width;
  throw new MelstromError({ kind: 'configuration', where: 'unet.network.projection_class_embeddings_input_dim', got: 'null', expected: 'the width of the class vectors' });
}
