import { describe, expect, it } from 'vitest';
import { clipTextEncoderSchema } from '../../src/config/clip-text-encoder.js';
import { encoderConfigJson, fromEncoderConfig } from '../../src/pipeline/text-folder.node.js';

describe('encoderConfigJson', () => {
  it('writes fractions with a point, which the reference insists on, and whole numbers without', () => {
    const text = encoderConfigJson(clipTextEncoderSchema.parse({ initializer_factor: 1, initializer_range: 0, layer_norm_eps: 2 }));
    expect(text).toContain('"initializer_factor": 1.0');
    expect(text).toContain('"initializer_range": 0.0,');
    expect(text).toContain('"layer_norm_eps": 2.0,');
    expect(text).toContain('"num_hidden_layers": 12,');
    expect(encoderConfigJson(clipTextEncoderSchema.parse({}))).toContain('"layer_norm_eps": 0.00001,');
  });

  it('is read back as it was', () => {
    const config = clipTextEncoderSchema.parse({ hidden_size: 16, num_attention_heads: 2, initializer_factor: 3 });
    expect(fromEncoderConfig(JSON.parse(encoderConfigJson(config)), 'config.json')).toEqual(config);
  });
});
