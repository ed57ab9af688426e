// The steps that are measured are steps of training: the loss falls, and nothing is left behind.
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { deriveNetworks } from '../../src/config/derive.js';
import { createMeasuredUnet, createMeasuredVae, type MeasuredStep, type StepSettings } from '../../src/training/measured-steps.js';
import { useEngine } from '../support/engine.js';
import { tinyConfig } from './_tiny-run.js';

useEngine();

const config = tinyConfig();
const { vae: vaeConfig, unet: unetConfig, sampleShape } = deriveNetworks(config, 2);
const settings: StepSettings = { batchSize: 2, learningRate: 2e-3, beta1: 0.9, beta2: 0.99, weightDecay: 0.01, gradientClip: 1, emaDecay: 0.9 };
const vaeOptions = { loss: config.vae.loss, training: config.vae.training, melBins: 8, frames: 16 };

describe.each([
  ['UNet', () => createMeasuredUnet(unetConfig, sampleShape, settings), ['labels', 'sample', 'target', 'timestep']],
  ['VAE', () => createMeasuredVae(vaeConfig, { ...vaeOptions, discriminator: null }, settings), ['fills', 'image', 'noise']],
  ['VAE with a discriminator', () => createMeasuredVae(vaeConfig, { ...vaeOptions, discriminator: { channels: 8, layers: 1, learningRate: 1e-4 } }, settings), ['fills', 'image', 'noise']],
] as const)('the step of the %s', (name, create: () => MeasuredStep<{ parameters: { count: number } }>, inputs) => {
  it('lowers its loss, tells what goes in, and leaves nothing', async () => {
    const before = tf.memory().numTensors;
    const step = create();
    const [own, others] = [[...step.inputs.keys()].filter((input) => !input.startsWith('discriminator/')), [...step.inputs.keys()].filter((input) => input.startsWith('discriminator/'))];
    expect(own.toSorted()).toEqual(inputs);
    expect(others.length > 0).toBe(name.includes('discriminator'));
    const weights = others.reduce((sum, input) => sum + step.inputs.get(input)!.data.length, 0);
    expect(step.parameterCount).toBe(step.network.parameters.count + weights);
    const first = await step.run();
    const held = tf.memory().numTensors;
    for (let count = 0; count < 8; count += 1) await step.run();
    expect(tf.memory().numTensors).toBe(held);
    expect(await step.run()).toBeLessThan(first);
    step.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('starts alike each time', async () => {
    const [a, b] = [create(), create()];
    expect(await a.run()).toBe(await b.run());
    a.dispose();
    b.dispose();
  });
});
