import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { silentReporter } from '../../src/base/logger.js';
import { deriveVocos } from '../../src/config/vocoder.js';
import { createStft } from '../../src/dsp/stft.js';
import { createAdamW, createEma, disposeGradients } from '../../src/nn/index.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { runLoop } from '../../src/training/loop.js';
import { createSoundWindows } from '../../src/training/sound-windows.js';
import { createPowerStft } from '../../src/training/tensor-stft.js';
import { createVocoderStage } from '../../src/training/vocoder-stage.js';
import { createWaveformLoss } from '../../src/training/waveform-loss.js';
import { createVocoderNetwork } from '../../src/vocoder/neural-vocoder.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { tinyReader, tinySound, tinySoundCorpus, tinyVocoderConfig } from './_tiny-vocoder.js';

useEngine();

const config = tinyVocoderConfig();
const { mel } = config;
const noise = (seed: number, count: number, level = 0.2): Float32Array => createRandom(seed).normals(count).map((value) => level * value);
const row = (samples: Float32Array): tf.Tensor2D => tf.tensor2d(samples, [1, samples.length]);

/** Stands for what an inverter makes: upside down and half as loud. */
const spoilt = (sound: Float32Array): Float32Array => sound.map((sample) => -0.5 * sample);

function windowsOf({ gainDb = 0, windowFrames = 8, of = null as ((sound: Float32Array) => Float32Array) | null } = {}) {
  const reader = of === null ? null : tinyReader(config, of);
  return createSoundWindows({ corpus: tinySoundCorpus(config), sounds: tinyReader(config), ...(reader && { inverted: { train: reader, validation: reader } }), mel, windowFrames, gainDb, seed: 3 });
}

function vocoderStage(over: Record<string, unknown> = {}, of: ((sound: Float32Array) => Float32Array) | null = spoilt) {
  const own = tinyVocoderConfig(over);
  const { loss, training, discriminator, network } = own.vocoder!;
  const { vocos } = createVocoderNetwork(deriveVocos(network, mel), mel, { seed: 1 });
  const stage = createVocoderStage({ vocos, windows: windowsOf({ gainDb: training.augment.gainDb, of }), mel, loss, training, discriminator, seed: 3 });
  const dispose = (): void => {
    stage.dispose();
    vocos.dispose();
  };
  return { stage, vocos, training, dispose };
}

const AT = (step: number) => ({ step, pass: step });

describe('the power of short-time spectra on tensors', () => {
  it.each([[256, 64, 256], [256, 64, 200], [128, 48, 128], [64, 16, 64]])('is that of the transform, size %i, hop %i, window %i', (fftSize, hopSamples, windowSamples) => {
    const sound = noise(1, 1000);
    const stft = createStft({ fftSize, hopSamples, windowSamples });
    const { re, im, frameCount, binCount } = stft.forward(sound);
    const power = tf.tidy(() => createPowerStft({ fftSize, hopSamples, windowSamples })(row(sound)).arraySync())[0];
    expect(power).toHaveLength(frameCount);
    const inner = Math.ceil(fftSize / 2 / hopSamples); // at the ends the one is mirrored, the other silent
    for (let frame = inner; frame < frameCount - inner; frame += 1) {
      expectClose(power[frame], Array.from({ length: binCount }, (_, bin) => (re[frame * binCount + bin] ** 2 + im[frame * binCount + bin] ** 2) * stft.fullScale ** 2), { absolute: 1e-7, relative: 1e-4 });
    }
  });
});

describe('windows of sound', () => {
  it('carry the image of their own sound, and its level when it is moved', async () => {
    const codec = createMelCodec(mel);
    for (const gainDb of [0, 12]) {
      const { mel: images, sound, indices } = await windowsOf({ gainDb, windowFrames: 12 }).draw(5, 4);
      expect([images.length, sound.length]).toEqual([4 * 12 * 8, 4 * 11 * 64]);
      for (let item = 0; item < 4; item += 1) {
        const own = sound.subarray(item * 704, (item + 1) * 704);
        const { data, frameCount } = codec.analyse(own);
        for (let frame = 2; frame < 10; frame += 1) expectClose(images.subarray((item * 12 + frame) * 8, (item * 12 + frame + 1) * 8), Array.from({ length: 8 }, (_, bin) => data[bin * frameCount + frame]), { absolute: 1e-5 });
        const peak = (samples: Float32Array): number => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        if (gainDb === 0) expect(peak(own)).toBeLessThanOrEqual(peak(tinySound(config, 'train', indices[item])));
      }
    }
    const [plain, moved] = [await windowsOf().draw(5, 4), await windowsOf({ gainDb: 12 }).draw(5, 4)];
    const gains = Array.from({ length: 4 }, (_, item) => {
      const at = plain.sound.subarray(item * 448, (item + 1) * 448).findIndex((sample) => Math.abs(sample) > 1e-4) + item * 448;
      return moved.sound[at] / plain.sound[at];
    });
    expect(new Set(gains.map((gain) => gain.toFixed(3))).size).toBe(4);
    for (const gain of gains) expect(Math.abs(20 * Math.log10(gain))).toBeLessThanOrEqual(12);
  });

  it('are the same for the same seed and pass, begin anywhere within a frame, and are silent beyond the end of a sound', async () => {
    const windows = windowsOf({ windowFrames: 14 });
    expect(await windows.draw(2, 3)).toEqual(await windows.draw(2, 3));
    expect((await windows.draw(3, 3)).sound).not.toEqual((await windows.draw(2, 3)).sound);
    const { sound, mel: images, indices } = await windows.draw(0, 8);
    const lengths = Array.from(indices, (index) => tinySound(config, 'train', index).length);
    const short = lengths.indexOf(Math.min(...lengths));
    const silentFrame = Math.ceil((lengths[short] + mel.fftSize / 2) / mel.hopSamples);
    expect(silentFrame).toBeLessThan(14);
    expect(sound.subarray(short * 832 + lengths[short], (short + 1) * 832).every((sample) => sample === 0)).toBe(true);
    expect(images.subarray((short * 14 + silentFrame) * 8, (short + 1) * 14 * 8).every((value) => value === -1)).toBe(true);
    const whole = tinySound(config, 'train', indices[short]);
    const first = whole.indexOf(sound[short * 832]);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(64);
  });

  it('carry what the inverter made of the same samples, at the same level, and its spectrum', async () => {
    const windows = windowsOf({ gainDb: 12, windowFrames: 12, of: spoilt });
    const { sound, inverted, start } = await windows.draw(5, 4);
    const stft = createStft(mel);
    const rows = 2 * stft.binCount;
    for (let item = 0; item < 4; item += 1) {
      const [own, made] = [sound, inverted!].map((samples) => samples.subarray(item * 704, (item + 1) * 704));
      expectClose(made, own.map((sample) => -0.5 * sample), { absolute: 1e-6 });
      const { re, im } = stft.forward(made);
      for (const frame of [2, 5, 9]) {
        const expected = [...re.subarray(frame * stft.binCount, (frame + 1) * stft.binCount), ...im.subarray(frame * stft.binCount, (frame + 1) * stft.binCount)];
        expectClose(start!.subarray((item * 12 + frame) * rows, (item * 12 + frame + 1) * rows), expected, { absolute: 1e-4 });
      }
    }
    expect((await windowsOf().draw(5, 4)).inverted).toBeUndefined();
  });

  it('of validation are always the same, the whole split in order', () => {
    const [first, second] = [windowsOf({ gainDb: 12 }), windowsOf()].map((windows) => [...windows.fixed(3, 100)]);
    expect(first).toEqual(second);
    expect(first.flatMap(({ indices }) => [...indices])).toEqual([0, 1, 2, 3]);
  });
});

describe('the loss between sounds', () => {
  const compare = (made: Float32Array, real: Float32Array, over: Record<string, unknown> = {}) => {
    const loss = createWaveformLoss(mel, tinyVocoderConfig({ loss: over }).vocoder!.loss);
    return tf.tidy(() => Object.fromEntries(Object.entries(loss.compare(loss.spectra(row(made)), loss.spectra(row(real)))).map(([name, value]) => [name, value.dataSync()[0]])));
  };
  const real = noise(2, 1024);

  it('is all but 0 for the same sound, and for silence', () => {
    for (const sound of [real, new Float32Array(1024)]) {
      const { total, logMagnitude, mel: melDifference } = compare(sound, sound);
      expect(total).toBeLessThan(0.1); // the floor's own share of an empty spectrum
      expectClose([logMagnitude, melDifference], [0, 0], { absolute: 1e-6 });
    }
    expect(compare(real, real).total).toBeLessThan(1e-3);
  });

  it('reads a change of level as what it is, in nepers and as a share', () => {
    const { convergence, logMagnitude, mel: melDifference } = compare(real.map((sample) => sample / 2), real);
    expectClose([convergence, logMagnitude, melDifference], [0.5, Math.LN2, Math.LN2], { absolute: 0.02 }); // a little less where the floor is near
  });

  it('weighs its terms as it is told', () => {
    const made = noise(3, 1024);
    const { convergence, logMagnitude, mel: melDifference } = compare(made, real);
    expectClose(compare(made, real, { stftWeight: 2, melWeight: 0.5 }).total, 2 * (convergence + logMagnitude) + 0.5 * melDifference, { relative: 1e-5 });
    expect(compare(made, real, { fftSizes: [256] }).convergence).not.toBe(convergence);
  });

  it('has finite gradients at a perfect match and in silence', () => {
    const loss = createWaveformLoss(mel, config.vocoder!.loss);
    for (const sound of [real, new Float32Array(1024)]) {
      const gradient = tf.tidy(() => tf.grad((x: tf.Tensor) => loss.compare(loss.spectra(x as tf.Tensor2D), loss.spectra(row(sound))).total)(row(sound)));
      expect(gradient.dataSync<'float32'>().every(Number.isFinite)).toBe(true);
      gradient.dispose();
    }
  });
});

describe('the vocoder stage', () => {
  it.each([['alone', {}], ['of frames', { network: { mixing: 'frames' } }], ['from the image alone', { network: { from_inverter: false } }], ['with discriminators', { loss: { discriminatorWeight: 0.1, discriminatorStartStep: 0 }, discriminator: { channels: 8, layers: 1 } }]])('%s gives every parameter a gradient, and leaves no tensor', async (_, over) => {
    const { stage, vocos, dispose } = vocoderStage(over);
    disposeGradients((await stage.pass(AT(0))).gradients);
    stage.afterStep?.({ step: 0, learningRateShare: 1 });
    const before = tf.memory().numTensors;
    const { gradients, figures } = await stage.pass(AT(1));
    expect([...gradients.keys()]).toEqual(vocos.parameters.trainable().map(({ path }) => path));
    for (const [path, gradient] of gradients) expect(Math.hypot(...gradient.dataSync<'float32'>()), path).toBeGreaterThan(0);
    expect(Object.values(figures).every(Number.isFinite)).toBe(true);
    expect('generator' in figures).toBe('loss' in over);
    disposeGradients(gradients);
    stage.afterStep?.({ step: 1, learningRateShare: 1 });
    await stage.validate();
    expect(tf.memory().numTensors).toBe(before);
    dispose();
  });

  it('lets the discriminators join at their step, and learn a little earlier', async () => {
    const { stage, dispose } = vocoderStage({ loss: { discriminatorWeight: 5, discriminatorStartStep: 10 }, discriminator: { channels: 8, layers: 1 } });
    const keys: boolean[] = [];
    const generators: number[] = [];
    for (const step of [8, 9, 10]) {
      const { gradients, figures } = await stage.pass(AT(step));
      disposeGradients(gradients);
      keys.push('discriminator' in figures);
      if ('generator' in figures) generators.push(figures.generator);
    }
    expect(keys).toEqual([false, true, true]);
    expect(generators[0]).toBe(0);
    expect(generators[1]).not.toBe(0);
    dispose();
  });

  it.each([[true], [false]])('validates alike each time, and lower once trained, from_inverter %s', async (from_inverter) => {
    const { stage, dispose } = vocoderStage({ network: { from_inverter } });
    const before = await stage.validate();
    expect(await stage.validate()).toEqual(before);
    const { training } = tinyVocoderConfig({ training: { steps: 60, learningRate: 5e-3, validateEvery: 1000 } }).vocoder!;
    const trainer = { stage, optimiser: createAdamW(stage.parameters), ema: createEma(stage.parameters, 0.8) };
    const { validations } = await runLoop(trainer, { training, seed: 3, start: { step: 0, elapsedSeconds: 0, validations: [] }, hooks: { save: async () => undefined, log: () => undefined }, reporter: silentReporter });
    expect(validations[0].figures.loss).toBeLessThan(0.85 * before.loss);
    trainer.optimiser.dispose();
    trainer.ema.dispose();
    dispose();
  });

  it('validates what is heard: sound that has been led back to its image, and not what the network alone made', async () => {
    const { stage, vocos, dispose } = vocoderStage({}, (sound) => sound);
    const before = await stage.validate();
    const { variable } = vocos.parameters.get('cells.out.bias');
    variable.assign(tf.tensor1d(Float32Array.from({ length: 8 }, (_, row) => (row < 4 ? 1 : 0)))); // every bin up by a neper
    const after = await stage.validate();
    expect(after.mel - before.mel).toBeLessThan(0.7); // four frames of eight see beyond the window and stay as they are
    expect(after.mel - before.mel).toBeGreaterThan(0.05);
    dispose();
  });

  it('measures itself beside the inverter, whose loss is that of its sound', async () => {
    const silence = vocoderStage({}, (sound) => new Float32Array(sound.length));
    const perfect = vocoderStage({}, (sound) => sound);
    const [worse, better] = [await silence.stage.measured(), await perfect.stage.measured()];
    expect(better!.inverterLoss).toBeLessThan(0.1); // the floor's own share of an empty spectrum
    expect(better!.loss).toBeLessThan(0.3); // begins there
    expect(worse!.inverterLoss).toBeGreaterThan(1.5);
    expect(await perfect.stage.measured()).toEqual(better);
    const unknown = vocoderStage({ network: { from_inverter: false } }, null);
    expect(await unknown.stage.measured()).toBeNull();
    for (const { dispose } of [silence, perfect, unknown]) dispose();
  });
});
