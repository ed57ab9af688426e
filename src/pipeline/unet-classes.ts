// The reference's classes of UNets that can be made here: how each is described, and made. Knows no file.
import { unet2dReferenceDefaults, unet2dSchema, type Unet2dConfig } from '../config/unet-2d.js';
import { unet2dConditionReferenceDefaults, unet2dConditionSchema, type Unet2dConditionConfig } from '../config/unet-2d-condition.js';
import { createUnet2d, createUnet2dCondition, type NetworkOptions } from '../models/index.js';
import type { AnyUnet } from './any-unet.js';

export type AnyUnetConfig = Unet2dConfig | Unet2dConditionConfig;
export type UnetClass = 'UNet2DModel' | 'UNet2DConditionModel';

/** Schema and the reference's own defaults, by class. */
export const UNET_SCHEMAS = {
  UNet2DModel: { schema: unet2dSchema, defaults: unet2dReferenceDefaults },
  UNet2DConditionModel: { schema: unet2dConditionSchema, defaults: unet2dConditionReferenceDefaults },
} as const satisfies Record<UnetClass, object>;

export function isUnetClass(name: string): name is UnetClass {
  return Object.hasOwn(UNET_SCHEMAS, name);
}

/** Whether it is the configuration of a UNet2DConditionModel. */
export function isConditionConfig(config: AnyUnetConfig): config is Unet2dConditionConfig {
  return 'cross_attention_dim' in config;
}

/** The class that a configuration is of. */
export function unetClassOf(config: object): UnetClass {
  return 'cross_attention_dim' in config ? 'UNet2DConditionModel' : 'UNet2DModel';
}

/** Creates the UNet of either class. */
export function createAnyUnet(config: AnyUnetConfig, options: NetworkOptions): AnyUnet {
  return isConditionConfig(config) ? createUnet2dCondition(config, options) : createUnet2d(config, options);
}

/** Width of the timestep embedding, which is that of a row of the table of classes. */
export function embeddingWidth(config: AnyUnetConfig): number {
  const factor = isConditionConfig(config) && config.time_embedding_type === 'fourier' ? 2 : 4;
  return config.time_embedding_dim ?? factor * config.block_out_channels[0];
}
