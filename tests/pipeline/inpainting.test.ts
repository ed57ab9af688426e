// A UNet that is shown, beside the noisy sample, what of it is kept.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { spreadWindows, withWindows } from '../../src/diffusion/windows.js';
import { createGuidedDenoiser, createPipelineDenoiser, type Pipeline } from '../../src/pipeline/index.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { keptChannels, nothingKept, seesKept } from '../../src/pipeline/inpainting.js';
import { createMixedDenoiser, showBeside } from '../../src/pipeline/mixed-denoiser.js';
import { selectCondition } from '../../src/pipeline/window-condition.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';

useEngine();

const inpaintingPipeline = (): Pipeline => smallPipeline({ unetNetwork: { in_channels: 7, out_channels: 3 } });
const EXACT = { absolute: 0, reason: '-0 is 0' };
const ramp = (shape: [number, number, number, number], scale = 1): tf.Tensor4D => tf.tensor4d(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => scale * Math.sin(index)), shape);
/** Which of four columns are kept: the first of one item, the last two of the other. */
const isKnown = (): tf.Tensor4D => tf.tensor4d([1, 0, 0, 0, 0, 0, 1, 1], [2, 1, 4, 1]);

describe('what a UNet for inpainting is shown', () => {
  it('is a mask, 1 where it is to draw, and the kept sample, 0 there', () => {
    tf.tidy(() => {
      const clean = ramp([2, 2, 4, 3]);
      const [mask, kept] = tf.split(keptChannels({ clean, isKnown: isKnown() }), [1, 3], 3);
      expect([...mask.dataSync()]).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0]);
      expectClose(kept.dataSync(), tf.mul(clean, isKnown()).dataSync(), EXACT);
      expectClose(nothingKept(clean.shape).dataSync(), keptChannels({ clean, isKnown: tf.zeros([1, 1, 1, 1]) }).dataSync(), EXACT);
    });
  });

  it('comes behind the noisy sample, in both branches of guidance and in all shares of a mix, and is nothing by default', () => {
    const pipeline = inpaintingPipeline();
    tf.tidy(() => {
      const [noisy, classLabels, sigma] = [ramp([2, 4, 8, 3]), Int32Array.of(0, 1), 1];
      const kept = keptChannels({ clean: ramp([2, 4, 8, 3], 0.7), isKnown: tf.tensor4d([1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 8, 1]) });
      const denoise = createPipelineDenoiser(pipeline, () => 300);
      const answer = denoise(noisy, sigma, { classLabels, beside: kept });
      const seen = tf.concat([tf.mul(noisy, Math.SQRT1_2), kept], 3) as tf.Tensor4D;
      const v = pipeline.unet!.forward({ sample: seen, timestep: tf.tensor1d([300, 300]), classLabels: tf.tensor1d([0, 1], 'int32') });
      expectClose(answer.dataSync(), tf.sub(tf.mul(noisy, 0.5), tf.mul(v, Math.SQRT1_2)).dataSync(), { absolute: 1e-5, reason: 'v at a sigma of 1, rounded in another order' });
      const none = denoise(noisy, sigma, { classLabels });
      expect(none.dataSync()).toEqual(denoise(noisy, sigma, { classLabels, beside: nothingKept(noisy.shape) }).dataSync());
      expect(none.dataSync()).not.toEqual(answer.dataSync());
      const free = denoise(noisy, sigma, { classLabels: null, beside: kept });
      const wanted = tf.add(free, tf.mul(tf.sub(answer, free), 3)).dataSync();
      const how = { guidance: 3, guidanceRescale: 0, timestepAt: () => 300 };
      const rounding = { absolute: 1e-4, reason: 'both branches go through the network in one batch' };
      expectClose(createGuidedDenoiser(pipeline, how)(noisy, sigma, { classLabels, beside: kept }).dataSync(), wanted, rounding);
      const mix = showBeside({ toward: [{ condition: { classLabels }, weights: [1, 1] }], away: [{ condition: { classLabels: Int32Array.of(2, 2) }, weights: [1, 1] }] }, kept);
      expectClose(createMixedDenoiser(pipeline, how)(noisy, sigma, mix).dataSync(), wanted, rounding);
    });
    pipeline.dispose();
  });

  it('is cut to windows, and is nothing where it has ended', () => {
    tf.tidy(() => {
      const windows = spreadWindows({ length: 16, width: 8 });
      const whole = keptChannels({ clean: ramp([2, 4, 16, 3]), isKnown: tf.tensor4d(Float32Array.from({ length: 16 }, (_, column) => (column < 5 ? 1 : 0)), [1, 1, 16, 1]) });
      const ended = tf.slice(whole, [0, 0, 0, 0], [-1, -1, 5, -1]);
      const seen = (beside: tf.Tensor4D): tf.Tensor4D[] => {
        const shown: tf.Tensor4D[] = [];
        const denoise = withWindows<{ classLabels: null; beside?: tf.Tensor4D }>((noisy, _, condition) => {
          shown.push(tf.keep(condition.beside!.clone()));
          return noisy;
        }, { windows, select: selectCondition(windows) as never, batchSize: 2 });
        denoise(tf.zeros([2, 4, 16, 3]), 1, { classLabels: null, beside });
        return shown;
      };
      const [both, again] = [seen(whole), seen(ended)];
      expect(both.map(({ shape }) => shape)).toEqual([[2, 4, 8, 4], [2, 4, 8, 4], [2, 4, 8, 4]]);
      both.forEach((tensor, index) => expectClose(again[index].dataSync(), tensor.dataSync(), EXACT));
      expect(new Set(both.flatMap((tensor) => [...tf.slice(tensor, [0, 0, 0, 0], [-1, -1, -1, 1]).dataSync()]))).toEqual(new Set([0, 1]));
      tf.dispose([both, again]);
    });
  });
});

describe('a pipeline with a UNet for inpainting', () => {
  it('is known by its channels, saved and loaded as it is, and refused where they are others', async () => {
    const pipeline = inpaintingPipeline();
    const plain = smallPipeline();
    expect([seesKept(pipeline), seesKept(plain)]).toEqual([true, false]);
    const folder = mkdtempSync(join(tmpdir(), 'melstrom inpainting '));
    await savePipeline(join(folder, 'pipeline'), pipeline);
    const back = await loadPipeline(join(folder, 'pipeline'));
    expect(seesKept(back)).toBe(true);
    expect(back.unet!.parameters.get('conv_in.weight').variable.dataSync()).toEqual(pipeline.unet!.parameters.get('conv_in.weight').variable.dataSync());
    rmSync(folder, { recursive: true });
    for (const one of [pipeline, plain, back]) one.dispose();
    expect(() => smallPipeline({ unetNetwork: { in_channels: 6, out_channels: 3 } })).toThrow(/unet: in_channels and out_channels: got 6 and 3, expected 3, the channels of what is diffused, or 7 and 3 of a UNet for inpainting/);
  });
});
