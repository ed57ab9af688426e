// The schema of the reference's CLIPTextModel keys. Knows no network.
import { z } from 'zod';
import type { ReadonlyConfig } from './network-checks.js';

const fields = z.strictObject({
  /** Rows of the table of tokens; above every number of the tokenizer. */
  vocab_size: z.int().min(1).max(10_000_000).default(49_408),
  /** Channels of every token's state, and of the UNet's cross-attention. */
  hidden_size: z.int().min(1).max(65_536).default(512),
  /** Channels between the two linear layers after each attention. */
  intermediate_size: z.int().min(1).max(262_144).default(2048),
  num_hidden_layers: z.int().min(1).max(256).default(12),
  /** Heads of every attention; must divide hidden_size. */
  num_attention_heads: z.int().min(1).max(1024).default(8),
  /** The most tokens of one prompt, start and end included. */
  max_position_embeddings: z.int().min(1).max(65_536).default(77),
  /** quick_gelu is x·sigmoid(1.702·x), as in Stable Diffusion 1; gelu is exact, as in 2. */
  hidden_act: z.enum(['quick_gelu', 'gelu']).default('quick_gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  /** Whose first place is the pooled state. 2 stands in old files for the place of the largest token number, as the reference reads it. */
  eos_token_id: z.int().min(0).default(49_407),
  /** All below are kept for the reference: they bear on other models, on training it from nothing, or on the tokenizer; without effect here. */
  bos_token_id: z.int().min(0).nullable().default(49_406),
  pad_token_id: z.int().min(0).nullable().default(1),
  projection_dim: z.int().min(1).nullable().default(512),
  attention_dropout: z.number().min(0).max(1).default(0),
  dropout: z.number().min(0).max(1).default(0),
  initializer_range: z.number().min(0).default(0.02),
  initializer_factor: z.number().min(0).default(1),
});

/** Unknown data → CLIPTextModel configuration with the reference's defaults. Unknown keys and contradictions are refused. */
export const clipTextEncoderSchema = fields.superRefine((config, context) => {
  if (config.hidden_size % config.num_attention_heads === 0) return;
  const message = `expected a divisor of hidden_size (${config.hidden_size})`;
  context.addIssue({ code: 'custom', path: ['num_attention_heads'], message, input: config.num_attention_heads });
});

/** Keys and meanings of the reference's CLIPTextModel (transformers, config.json). */
export type ClipTextEncoderConfig = ReadonlyConfig<z.output<typeof fields>>;
