import { describe, expect, it } from 'vitest';
import { defaultMelSettings } from '../../src/config/mel.js';
import { checkRunConfig, parseRunConfig, stringifyRunConfig } from '../../src/config/run-config.js';
import { deriveVocos, vocosSchema } from '../../src/config/vocoder.js';

const check = (vocoder: unknown, rest: object = {}) => checkRunConfig({ corpus: { path: 'x' }, vocoder, ...rest }, 'test');

describe('the block vocoder', () => {
  it('is absent unless it is there, and comes back from its text', () => {
    expect(checkRunConfig({ corpus: { path: 'x' } }, 'test').vocoder).toBeNull();
    const config = check({ network: { dim: 64 }, loss: { fftSizes: [512] } });
    expect(config.vocoder).toMatchObject({ network: { dim: 64, num_layers: 3, n_fft: null }, windowFrames: 64, loss: { fftSizes: [512], discriminatorWeight: 0 } });
    expect(parseRunConfig(stringifyRunConfig(config), 'text')).toEqual(config);
  });

  it('predicts magnitudes when it is trained, and a spectrum when a stored network does not say so', () => {
    expect(check({}).vocoder!.network.predicts).toBe('magnitudes');
    expect(check({ network: { predicts: 'spectrum' } }).vocoder!.network.predicts).toBe('spectrum');
    expect(vocosSchema.parse({}).predicts).toBe('spectrum');
  });

  it('derives from the mel settings what the network must agree with', () => {
    expect(deriveVocos(vocosSchema.parse({ num_layers: 4 }), { ...defaultMelSettings, melBins: 100, windowSamples: 800 })).toMatchObject({
      input_channels: 100, n_fft: 1024, hop_length: 256, win_length: 800, layer_scale_init_value: 0.25, max_magnitude: 1024, mel_prior: true,
    });
    expect(deriveVocos(vocosSchema.parse({ layer_scale_init_value: 0.1, max_magnitude: 100 }), defaultMelSettings)).toMatchObject({ layer_scale_init_value: 0.1, max_magnitude: 100 });
  });

  it.each([
    [{ network: { n_fft: 512 } }, /vocoder\.network\.n_fft: got 512, expected 1024, as the mel settings have it. Leave it out/],
    [{ network: { input_channels: 64, hop_length: 128 } }, /vocoder\.network\.input_channels: got 64, expected 80[^]*vocoder\.network\.hop_length: got 128, expected 256/],
    [{ windowFrames: 8 }, /vocoder\.windowFrames: got 8, expected at least 9, so that the largest of vocoder.loss.fftSizes \(2048\) fits in/],
    [{ loss: { fftSizes: [512, 512] } }, /vocoder\.loss\.fftSizes: got 512, 512, expected each size once/],
    [{ loss: { fftSizes: [500] } }, /fftSizes\[0\]: got 500, expected a power of two/],
    [{ training: { augment: { shiftFrames: 1 } } }, /vocoder\.training\.augment\.shiftFrames: got 1, expected 0/],
    [{ network: { padding: 'same' } }, /vocoder\.network\.padding: got "same", expected center/],
    [{ network: { dims: 3 } }, /vocoder\.network\.dims: got an unknown key.*nearest known key is vocoder\.network\.dim/],
    [{ loss: { discriminatorWeight: 0.1 } }, /vocoder\.loss\.discriminatorWeight: got 0\.1, expected 0 where the network predicts magnitudes.*predicts to spectrum/],
    [{ discriminator: { layers: 9 } }, /vocoder\.discriminator\.layers/],
  ])('refuses %j', (vocoder, message) => {
    expect(() => check(vocoder)).toThrow(message);
  });

  it('takes sizes that agree', () => {
    expect(check({ network: { n_fft: 1024, hop_length: 256, win_length: 1024, input_channels: 80 } }).vocoder!.network.n_fft).toBe(1024);
  });
});
