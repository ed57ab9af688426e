import { describe, expect, it } from 'vitest';
import { autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { createAutoencoderKL, currentParameterName } from '../../src/models/index.js';
import { useEngine } from '../support/engine.js';

useEngine();

describe('currentParameterName', () => {
  it('gives the parameters of old attention the names they have here', () => {
    const vae = createAutoencoderKL(autoencoderKlSchema.parse({ block_out_channels: [4], norm_num_groups: 2, down_block_types: ['DownEncoderBlock2D'], up_block_types: ['UpDecoderBlock2D'] }), { seed: null });
    for (const old of ['query', 'key', 'value', 'proj_attn', 'group_norm']) {
      for (const kind of ['weight', 'bias']) {
        expect(vae.parameters.has(currentParameterName(`encoder.mid_block.attentions.0.${old}.${kind}`))).toBe(true);
      }
    }
    vae.dispose();
  });

  it('keeps every other name', () => {
    for (const name of ['conv_in.weight', 'down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.weight', 'key.weight', 'mid_block.attentions.0.key.lora.weight']) {
      expect(currentParameterName(name)).toBe(name);
    }
  });
});
