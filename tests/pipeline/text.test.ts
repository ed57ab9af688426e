// Prompts on their way to the UNet: encoded, checked against the other parts, and guided.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { supportsBfloat16, withConvPrecision } from '../../src/engine/ops/index.js';
import { createGuidedDenoiser, createPipelineDenoiser, encodePrompts, isGuided, promptLength, type Pipeline } from '../../src/pipeline/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';
import { smallText, tellingUnet, toldBy } from './small-text.js';
import { tokenizerFiles } from './tokenizer-files.js';

useEngine();

let open: { dispose(): void }[] = [];
afterEach(() => {
  for (const item of open) item.dispose();
  open = [];
});

function textPipeline(options: Parameters<typeof smallPipeline>[0] = {}): Pipeline {
  const pipeline = smallPipeline({ labels: [], text: smallText(), unet: tellingUnet(), diffusion: { predictionType: 'sample' }, ...options });
  open.push(pipeline);
  return pipeline;
}

describe('encodePrompts', () => {
  it('gives each prompt what it gets alone, also where one occurs twice', () => {
    const { text } = textPipeline();
    tf.tidy(() => {
      const together = encodePrompts(text!, ['kick', 'a bright bell', 'kick']);
      expect(together.shape).toEqual([3, 77, 8]);
      const alone = ['kick', 'a bright bell', 'kick'].map((prompt) => encodePrompts(text!, [prompt]));
      expect(together.dataSync()).toEqual(tf.concat(alone, 0).dataSync());
      expect(alone[0].dataSync()).not.toEqual(alone[1].dataSync());
    });
  });

  it('reads in float32 whatever the precision in force', (context) => {
    if (!supportsBfloat16()) context.skip('needs the native kernels and a processor with AVX512_BF16 or AMX');
    const wide = smallText({ hidden_size: 32, intermediate_size: 64 });
    open.push(wide.encoder);
    tf.tidy(() => {
      const exact = encodePrompts(wide, ['kick']).dataSync();
      expect(withConvPrecision('bfloat16', () => encodePrompts(wide, ['kick']).dataSync())).toEqual(exact);
      const rounded = withConvPrecision('bfloat16', () => wide.encoder.forward(wide.tokenizer.encode(['kick'], 77), 1).lastHiddenState.dataSync());
      expect(rounded).not.toEqual(exact); // wide enough for it to matter
    });
  });

  it('leaves only its result', () => {
    const { text } = textPipeline();
    const before = tf.memory().numTensors;
    encodePrompts(text!, ['kick', 'bell']).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes the length of the tokenizer, else that of the encoder', () => {
    const { tokenizer, encoder } = textPipeline().text!;
    expect(promptLength({ tokenizer, encoder })).toBe(77);
    const open77 = smallText({ max_position_embeddings: 9 }, tokenizerFiles('tokenizer', { 'tokenizer_config.json': null }));
    open.push(open77.encoder);
    expect(promptLength(open77)).toBe(9);
    expect(tf.tidy(() => encodePrompts(open77, ['kick']).shape)).toEqual([1, 9, 8]);
  });
});

describe('pipeline with text', () => {
  it.each([
    ['a vocabulary beyond the table', { text: () => smallText({ vocab_size: 613 }) }, 'tokens up to 613, expected less than 613'],
    ['more tokens than places', { text: () => smallText({ max_position_embeddings: 76 }) }, 'model_max_length: got 77, expected at most 76'],
    ['a UNet for other states', { text: () => smallText(), unet: () => tellingUnet({ width: 16 }) }, 'cross_attention_dim: got 16, expected 8'],
    ['a UNet that attends to no text', { text: () => smallText(), unet: () => undefined }, 'attends to no text'],
  ])('refuses %s', (_, { text, unet = () => tellingUnet() }: { text: () => ReturnType<typeof smallText>; unet?: () => ReturnType<typeof tellingUnet> | undefined }, message) => {
    const parts = text();
    open.push(parts.encoder);
    expect(() => smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null }, text: parts, unet: unet() })).toThrow(message);
  });

  it('is told the states, and guided away from the negative ones in the same call', () => {
    const pipeline = textPipeline();
    expect(isGuided(pipeline)).toBe(true);
    tf.tidy(() => {
      const noisy = tf.zeros([2, 4, 8, 3]) as tf.Tensor4D;
      const textStates = encodePrompts(pipeline.text!, ['kick', 'bell']);
      const negativeStates = encodePrompts(pipeline.text!, ['noise', '']);
      const meansOf = (states: tf.Tensor3D): number[] => [...toldBy(states).dataSync()];
      const cellsOf = (denoised: tf.Tensor4D): number[] => [...tf.max(denoised, [1, 2, 3]).dataSync()];
      const [positive, negative] = [meansOf(textStates), meansOf(negativeStates)];
      const condition = { classLabels: null, textStates, negativeStates };
      expectClose(cellsOf(createPipelineDenoiser(pipeline)(noisy, 1, condition)), positive, { absolute: 1e-6 });
      const guided = (guidance: number) => cellsOf(createGuidedDenoiser(pipeline, { guidance })(noisy, 1, condition));
      expectClose(guided(3), positive.map((value, item) => negative[item] + 3 * (value - negative[item])), { absolute: 1e-6 });
      expectClose(guided(0), negative, { absolute: 1e-6 });
      expectClose(guided(1), positive, { absolute: 1e-6 });
    });
  });

  it('may have classes as well, which guidance hides together with the prompt', () => {
    const pipeline = textPipeline({ labels: ['kick', 'bell'], unet: tellingUnet({ classes: 3 }) });
    tf.tidy(() => {
      const states = encodePrompts(pipeline.text!, ['kick']);
      const condition = { classLabels: Int32Array.of(1), textStates: states, negativeStates: states };
      const guided = createGuidedDenoiser(pipeline, { guidance: 2 })(tf.zeros([1, 4, 8, 3]), 1, condition);
      const mean = toldBy(states).dataSync()[0];
      expectClose(guided.dataSync()[0], mean + 2 + 2 * (1 - 2), { absolute: 1e-6 });
    });
  });

  it('refuses text for a UNet that attends to none', () => {
    const pipeline = smallPipeline();
    open.push(pipeline);
    tf.tidy(() => {
      const textStates = tf.zeros([1, 77, 8]) as tf.Tensor3D;
      expect(() => createPipelineDenoiser(pipeline)(tf.zeros([1, 4, 8, 3]), 1, { classLabels: null, textStates })).toThrow('attends to no text');
    });
  });
});
