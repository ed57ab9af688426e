import { describe, expect, it } from 'vitest';
import { defaultMelSettings } from '../../src/config/mel.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { reportInversion } from '../../src/vocoder/inversion-report.js';
import { sounds } from '../spectrogram/sounds.js';
import { expectClose } from '../support/close.js';

const codec = createMelCodec(defaultMelSettings);
const mono = (samples: Float32Array): { sampleRateHz: number; channels: Float32Array[] } => ({ sampleRateHz: 22_050, channels: [samples] });

describe('reportInversion', () => {
  it('is far below -60 dB for the sound itself, and tells a change of level', () => {
    const image = codec.analyse(sounds.square);
    expect(reportInversion(image, mono(sounds.square)).spectralConvergenceDb).toBeLessThan(-60);
    const { spectralConvergenceDb, levelDifferenceDb } = reportInversion(image, mono(sounds.square.map((sample) => sample / 2)));
    expectClose([spectralConvergenceDb ?? 0, levelDifferenceDb ?? 0], [-6.02, -6.02], { absolute: 0.02 });
  });

  it('falls with iterations and keeps the level, also over frames that were cut', () => {
    const image = codec.analyse(sounds.drum);
    const [few, many] = [2, 32].map((iterations) => reportInversion(image, createGriffinLimVocoder(defaultMelSettings, { iterations }).invert(image)));
    expect(many.spectralConvergenceDb).toBeLessThan((few.spectralConvergenceDb ?? 0) - 5);
    expect(many.spectralConvergenceDb).toBeLessThan(-20);
    expectClose(many.levelDifferenceDb ?? 9, 0, { absolute: 0.1 });
    const cut = createGriffinLimVocoder(defaultMelSettings).invert(image, { sampleCount: 8000 });
    expect(reportInversion(image, cut).spectralConvergenceDb).toBeLessThan(-15);
  });

  it('says that silence has none', () => {
    expect(reportInversion(codec.analyse(sounds.silence), mono(sounds.silence))).toEqual({ spectralConvergenceDb: null, levelDifferenceDb: null });
    const lost = reportInversion(codec.analyse(sounds.tone), mono(sounds.silence));
    expectClose(lost.spectralConvergenceDb ?? 9, 0, { absolute: 1e-9 });
    expect(lost.levelDifferenceDb).toBeNull();
  });
});
