import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { silentReporter } from '../../src/base/logger.js';
import { deriveVocos } from '../../src/config/vocoder.js';
import { createStft } from '../../src/dsp/stft.js';
import { createAdamW, createEma, disposeGradients } from '../../src/nn/index.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { dbToImageValue } from '../../src/spectrogram/mel-image.js';
import { runLoop } from '../../src/training/loop.js';
import { createMagnitudeLoss } from '../../src/training/magnitude-loss.js';
import { createSoundWindows } from '../../src/training/sound-windows.js';
import { createPowerStft } from '../../src/training/tensor-stft.js';
import { createVocoderStage } from '../../src/training/vocoder-stage.js';
import { createWaveformLoss } from '../../src/training/waveform-loss.js';
import { createVocoderNetwork } from '../../src/vocoder/vocoder-network.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { tinyReader, tinySound, tinySoundCorpus, tinyVocoderConfig } from './_tiny-vocoder.js';

useEngine();

const config = tinyVocoderConfig();
const { mel } = config;
const noise = (seed: number, count: number, level = 0.2): Float32Array => createRandom(seed).normals(count).map((value) => level * value);
const row = (samples: Float32Array): tf.Tensor2D => tf.tensor2d(samples, [1, samples.length]);

function windowsOf({ gainDb = 0, windowFrames = 8 } = {}) {
  return createSoundWindows({ corpus: tinySoundCorpus(config), sounds: tinyReader(config), mel, windowFrames, gainDb, seed: 3 });
}

function vocoderStage(over: Record<string, unknown> = {}) {
  const own = tinyVocoderConfig(over);
  const { loss, training, discriminator, network: networkConfig } = own.vocoder!;
  const network = createVocoderNetwork(deriveVocos(networkConfig, mel), mel, { seed: 1 });
  const stage = createVocoderStage({ network, windows: windowsOf({ gainDb: training.augment.gainDb }), loss, training, discriminator, seed: 3 });
  const dispose = (): void => {
    stage.dispose();
    network.vocos.dispose();
  };
  return { stage, network, training, dispose };
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

  it('carry the magnitudes behind their image, also at the edges, where the sound goes on', async () => {
    const { magnitude, mel: images } = await windowsOf({ gainDb: 12, windowFrames: 12 }).draw(5, 4);
    const { bank } = createMelCodec(mel).toMelTarget({ settings: mel, frameCount: 1, data: new Float32Array(8) });
    const { fullScale, binCount } = createStft(mel);
    for (let frame = 0; frame < 4 * 12; frame += 1) {
      for (let bin = 0; bin < 8; bin += 1) {
        const power = magnitude.subarray(frame * binCount, (frame + 1) * binCount).reduce((sum, value, at) => sum + bank.weights[bin * binCount + at] * (value * fullScale) ** 2, 0);
        expectClose(images[frame * 8 + bin], dbToImageValue(10 * Math.log10(power + 1e-30), mel), { absolute: 1e-4 });
      }
    }
  });

  it('are played at the speeds that they are told, pitch and all', async () => {
    const sine = (hz: number): Float32Array => Float32Array.from({ length: 8000 }, (_, index) => 0.5 * Math.sin((2 * Math.PI * hz * index) / mel.sampleRateHz));
    const reader = { lengthOf: () => 8000, read: (_split: string, _index: number, { start, count }: { start: number; count: number }) => Float32Array.from({ length: count }, (_, at) => sine(1000)[start + at] ?? 0) };
    const loudest = async (speeds: readonly number[]): Promise<Set<number>> => {
      const windows = createSoundWindows({ corpus: tinySoundCorpus(config), sounds: reader, mel, windowFrames: 8, gainDb: 0, speeds, seed: 3 });
      const { magnitude, indices } = await windows.draw(0, 8);
      const { binCount } = createStft(mel);
      return new Set(Array.from(indices, (_, item) => {
        const frame = magnitude.subarray((item * 8 + 4) * binCount, (item * 8 + 5) * binCount);
        return frame.indexOf(Math.max(...frame));
      }));
    };
    const binOf = (hz: number): number => Math.round((hz * mel.fftSize) / mel.sampleRateHz);
    expect(await loudest([1])).toEqual(new Set([binOf(1000)]));
    expect(await loudest([1.25])).toEqual(new Set([binOf(1250)]));
    expect([...(await loudest([0.5, 2]))].sort((a, b) => a - b)).toEqual([binOf(500), binOf(2000)]);
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
  it.each([['of magnitudes', {}], ['of spectra', { network: { predicts: 'spectrum' } }], ['with discriminators', { network: { predicts: 'spectrum' }, loss: { discriminatorWeight: 0.1, discriminatorStartStep: 0 }, discriminator: { channels: 8, layers: 1 } }]])('%s gives every parameter a gradient, and leaves no tensor', async (_, over) => {
    const { stage, network, dispose } = vocoderStage(over);
    disposeGradients((await stage.pass(AT(0))).gradients);
    stage.afterStep?.({ step: 0, learningRateShare: 1 });
    const before = tf.memory().numTensors;
    const { gradients, figures } = await stage.pass(AT(1));
    expect([...gradients.keys()]).toEqual(network.vocos.parameters.trainable().map(({ path }) => path));
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
    const { stage, dispose } = vocoderStage({ network: { predicts: 'spectrum' }, loss: { discriminatorWeight: 5, discriminatorStartStep: 10 }, discriminator: { channels: 8, layers: 1 } });
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

  it.each(['magnitudes', 'spectrum'])('validates alike each time, and lower once trained, predicting %s', async (predicts) => {
    const { stage, dispose } = vocoderStage({ network: { predicts } });
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

  it('measures what is heard, the inverter and itself', async () => {
    const { stage, network, dispose } = vocoderStage();
    const before = tf.memory().numTensors;
    const first = stage.measured();
    expect(stage.measured()).toEqual(first);
    expect(tf.memory().numTensors).toBe(before);
    expect(first.inverterLoss).toBeGreaterThan(0.1);
    expect(first.loss).toBeLessThan(2 * first.inverterLoss); // the same phases, of a prior that has eight filters to go by
    const { variable } = network.vocos.parameters.get('head.out.bias');
    const highest = createStft(mel).binCount - 1;
    variable.assign(tf.tensor1d(Float32Array.from({ length: highest + 1 }, (_, bin) => (bin % 4 === 0 ? 4 : -4))));
    const other = stage.measured();
    expect(other.inverterLoss).toBe(first.inverterLoss);
    expect(Math.abs(other.loss - first.loss)).toBeGreaterThan(0.1);
    dispose();
  });
});

describe('the loss between magnitudes', () => {
  it('reads a change of level in nepers, and nothing below the floor', () => {
    const lossOf = createMagnitudeLoss(mel);
    const loud = 1 / createStft(mel).fullScale;
    const read = (made: number, real: number): number => tf.tidy(() => lossOf(tf.fill([1, 2, 3], made), tf.fill([1, 2, 3], real)).dataSync()[0]);
    expectClose(read(loud / 2, loud), Math.LN2, { absolute: 1e-3 });
    expect(read(loud * 1e-7, 0)).toBeLessThan(1e-2);
    expect(read(loud, loud)).toBe(0);
  });
});
