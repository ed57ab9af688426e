// The networks against the reference implementation: names, shapes, outputs and gradients. The caller starts an engine.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { unet2dSchema } from '../../src/config/unet-2d.js';
import { createAutoencoderKL, createUnet2d, klPerItem, posteriorMode, samplePosterior, type AutoencoderKL } from '../../src/models/index.js';
import { expectClose } from '../support/close.js';
import { rampTensor } from './ramp.js';
import { channelsFirst, channelsLast, expectSameGradients, expectSameOutput, fillWithRamps, labelsOf, readReference, shapesOf, type UnetCase, type VaeCase } from './reference.js';

/** The tests of AutoencoderKL and UNet2DModel. */
export function describeParity(): void {
  const reference = readReference();

  let open: { dispose(): void }[] = [];
  afterEach(() => {
    for (const item of open) item.dispose();
    open = [];
  });

  function track<T extends { dispose(): void }>(item: T): T {
    open.push(item);
    return item;
  }

  describe.each(reference.vaes)('AutoencoderKL: $name', (expected: VaeCase) => {
    function create(): AutoencoderKL {
      const vae = track(createAutoencoderKL(autoencoderKlSchema.parse(expected.config), { seed: null }));
      fillWithRamps(vae.parameters);
      return vae;
    }
    const input = (): tf.Tensor4D => channelsLast(rampTensor('image', expected.inputShape));
    const noise = (): tf.Tensor4D => channelsLast(rampTensor('noise', expected.mean.shape));

    it('has the names and shapes of the reference', () => {
      expect(shapesOf(create().parameters)).toEqual(expected.parameters);
    });

    it('encodes, samples and decodes to the same numbers', () => {
      const vae = create();
      tf.tidy(() => {
        const posterior = vae.encode(input());
        const sample = samplePosterior(posterior, noise());
        expectSameOutput(channelsFirst(posteriorMode(posterior)), expected.mean);
        expectSameOutput(channelsFirst(posterior.logVariance), expected.logVariance);
        expectSameOutput(channelsFirst(sample), expected.sample);
        expectClose(klPerItem(posterior).dataSync(), expected.kl.data, { relative: 1e-4 });
        expectSameOutput(channelsFirst(vae.decode(sample)), expected.output);
      });
    });

    it('has the same gradients', () => {
      const vae = create();
      const loss = (): tf.Scalar => {
        const posterior = vae.encode(input());
        const image = vae.decode(samplePosterior(posterior, noise()));
        const weighted = tf.mean(tf.mul(image, channelsLast(rampTensor('loss', expected.output.shape))));
        return tf.add(weighted, tf.mul(tf.mean(klPerItem(posterior)), 0.01));
      };
      expectSameGradients(vae.parameters, loss, expected);
    });
  });

  describe.each(reference.unets)('UNet2DModel: $name', (expected: UnetCase) => {
    function create() {
      const unet = track(createUnet2d(unet2dSchema.parse(expected.config), { seed: null }));
      fillWithRamps(unet.parameters);
      const forward = (): tf.Tensor4D =>
        unet.forward({
          sample: channelsLast(rampTensor('sample', expected.inputShape)),
          timestep: tf.tensor1d(expected.timesteps, 'float32'),
          classLabels: labelsOf(expected.classLabels, expected.inputShape[0]),
        });
      return { unet, forward };
    }

    it('has the names and shapes of the reference', () => {
      expect(shapesOf(create().unet.parameters)).toEqual(expected.parameters);
    });

    it('answers the same numbers', () => {
      const { forward } = create();
      tf.tidy(() => expectSameOutput(channelsFirst(forward()), expected.output));
    });

    it('has the same gradients', () => {
      const { unet, forward } = create();
      const loss = (): tf.Scalar => tf.mean(tf.mul(forward(), channelsLast(rampTensor('loss', expected.output.shape))));
      expectSameGradients(unet.parameters, loss, expected);
    });
  });

  describe('posterior', () => {
    it('clamps, samples and measures as the reference', () => {
      const { parameters, mode, sample, kl, logVariance } = reference.posterior;
      tf.tidy(() => {
        const [mean, raw] = tf.split(channelsLast(parameters), 2, 3) as tf.Tensor4D[];
        const posterior = { mean, logVariance: tf.clipByValue(raw, -30, 20) };
        expectSameOutput(channelsFirst(posteriorMode(posterior)), mode);
        expectSameOutput(channelsFirst(posterior.logVariance), logVariance);
        expectSameOutput(channelsFirst(samplePosterior(posterior, channelsLast(rampTensor('noise', mode.shape)))), sample);
        expectClose(klPerItem(posterior).dataSync(), kl.data, { relative: 1e-5 });
      });
    });
  });
}
