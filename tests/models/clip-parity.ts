// The text encoder against the reference implementation: names, shapes, states and gradients, the same on every engine.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { clipTextEncoderSchema } from '../../src/config/clip-text-encoder.js';
import { createClipTextEncoder, type ClipTextEncoder } from '../../src/models/index.js';
import type { HostTensor } from '../../src/nn/index.js';
import { rampTensor } from './ramp.js';
import { expectSameGradients, expectSameOutput, fillWithRamps, shapesOf, type NetworkCase } from './reference.js';

interface EncoderCase extends NetworkCase {
  readonly ids: number[][];
  readonly pooled: NetworkCase['output'];
}

function readReference(): EncoderCase[] {
  const text = readFileSync(new URL('fixtures/clip-text.json', import.meta.url), 'utf8');
  const sum = readFileSync(new URL('fixtures/clip-text.json.sha256', import.meta.url), 'utf8').trim();
  if (createHash('sha256').update(text).digest('hex') !== sum) throw new Error('clip-text.json does not match its checksum: run generate-clip.py');
  return (JSON.parse(text) as { encoders: EncoderCase[] }).encoders;
}

let open: ClipTextEncoder[] = [];

function create(config: Record<string, unknown>): ClipTextEncoder {
  const encoder = createClipTextEncoder(clipTextEncoderSchema.parse(config), { seed: null });
  open.push(encoder);
  fillWithRamps(encoder.parameters);
  return encoder;
}

const host = (x: tf.Tensor): HostTensor => ({ shape: x.shape, data: Float32Array.from(x.dataSync<'float32'>()) });
const weighted = (name: string, x: tf.Tensor): tf.Scalar => tf.mean(tf.mul(x, tf.tensor(rampTensor(name, x.shape).data, x.shape)));

/** The tests, for the engine that the file of the caller starts. */
export function describeClipParity(): void {
  afterEach(() => {
    for (const encoder of open) encoder.dispose();
    open = [];
  });

  describe.each(readReference())('CLIPTextModel: $name', (expected) => {
    const ids = Int32Array.from(expected.ids.flat());
    const batch = expected.ids.length;

    it('has the names and shapes of the reference', () => {
      expect(shapesOf(create(expected.config).parameters)).toEqual(expected.parameters);
    });

    it('gives the same states', () => {
      const encoder = create(expected.config);
      tf.tidy(() => {
        const { lastHiddenState, pooled } = encoder.forward(ids, batch);
        expectSameOutput(host(lastHiddenState), expected.output);
        expectSameOutput(host(pooled), expected.pooled);
      });
    });

    it('has the same gradients', () => {
      const encoder = create(expected.config);
      const loss = (): tf.Scalar => {
        const { lastHiddenState, pooled } = encoder.forward(ids, batch);
        return tf.add(weighted('loss', lastHiddenState), weighted('loss/pooled', pooled));
      };
      expectSameGradients(encoder.parameters, loss, expected);
    });

    it('gives each prompt what it gets alone', () => {
      const encoder = create(expected.config);
      tf.tidy(() => {
        const length = ids.length / batch;
        const alone = expected.ids.map((row) => encoder.forward(Int32Array.from(row), 1).lastHiddenState);
        expect(alone[0].shape).toEqual([1, length, expected.config.hidden_size]);
        expectSameOutput(host(tf.concat(alone, 0)), expected.output);
      });
    });
  });

  describe('CLIPTextModel', () => {
    const config = { vocab_size: 5, hidden_size: 4, intermediate_size: 4, num_hidden_layers: 1, num_attention_heads: 2, max_position_embeddings: 3 };

    it('refuses tokens that it has no row for, and too many of them', () => {
      const encoder = create(config);
      expect(() => encoder.forward(Int32Array.of(1, 5), 1)).toThrow('token 5, expected 0 to 4');
      expect(() => encoder.forward(Int32Array.of(1, -1), 1)).toThrow('token -1');
      expect(() => encoder.forward(new Int32Array(4), 1)).toThrow('4 tokens a prompt');
      expect(() => encoder.forward(new Int32Array(3), 2)).toThrow('1.5 tokens a prompt');
    });

    it('leaves no tensor behind', () => {
      const encoder = create(config);
      const before = tf.memory().numTensors;
      tf.tidy(() => encoder.forward(Int32Array.of(0, 1, 2), 1).pooled.dataSync());
      expect(tf.memory().numTensors).toBe(before);
    });

    it('draws the same first values from the same seed', () => {
      const values = [1, 1, 2].map((seed) => {
        const encoder = createClipTextEncoder(clipTextEncoderSchema.parse(config), { seed });
        open.push(encoder);
        return [...encoder.parameters.get('text_model.embeddings.token_embedding.weight').variable.dataSync()];
      });
      expect(values[1]).toEqual(values[0]);
      expect(values[2]).not.toEqual(values[0]);
    });

    it.each([
      [{ num_attention_heads: 3 }, /expected a divisor of hidden_size \(4\)/],
      [{ hidden_act: 'relu' }, /hidden_act/],
      [{ hidden_sise: 4 }, /hidden_sise/],
    ])('refuses the configuration %o', (change, message) => {
      expect(clipTextEncoderSchema.safeParse({ ...config, ...change }).error?.message).toMatch(message);
    });
  });
}
