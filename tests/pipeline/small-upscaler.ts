// A small untrained upscaler, and a pipeline on pixels around it.
import { unet2dSchema, type Unet2dConfig } from '../../src/config/unet-2d.js';
import { createUnet2d, type Unet2d } from '../../src/models/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { smallPipeline, type SmallOptions } from './small-pipeline.js';

/** Two channels in, one out, of two levels. Memory: the caller disposes. */
export function smallUpscaler(over: Partial<Unet2dConfig> = {}): Unet2d {
  const config = unet2dSchema.parse({
    in_channels: 2, out_channels: 1, block_out_channels: [4, 8], norm_num_groups: 2, attention_head_dim: 4, layers_per_block: 1,
    down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'], num_class_embeds: 3, ...over,
  });
  return createUnet2d(config, { seed: 5 });
}

/** Small images of 4 by 8, or 2 by 4, and whole ones of 8 by 16. Memory: the caller disposes. */
export function progressivePipeline(options: SmallOptions & { readonly factor?: 2 | 4 } = {}): Pipeline {
  const { factor = 2, ...rest } = options;
  return smallPipeline({ representation: 'pixel', upscaler: { factor, unet: smallUpscaler() }, ...rest });
}
