import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';
import { powerToDb } from '../../src/dsp/decibels.js';
import { applyMelFilterBank, melFilterBank } from '../../src/dsp/mel.js';
import { assertSameCodec, codecHash, createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { dbToImageValue, imageValueToDb, powerToImageValue } from '../../src/spectrogram/mel-image.js';
import { float32, readLibrosaFixture } from '../dsp/fixtures/librosa.js';
import { expectClose } from '../support/close.js';
import { sounds } from './sounds.js';

const codec = createMelCodec(defaultMelSettings);

function loudestDb(signal: Float32Array): number {
  return codec.toDb(codec.analyse(signal)).reduce((a, b) => Math.max(a, b), -Infinity);
}

describe('createMelCodec', () => {
  it.each(readLibrosaFixture().melDb.map((stored) => [`${stored.melScale} scale, norm ${stored.melNorm}`, stored] as const))(
    'agrees with mel decibels made with librosa: %s',
    (_name, stored) => {
      const { melScale, melNorm, floorDb, frameCount } = stored;
      const own = createMelCodec(melSchema.parse({ melScale, melNorm, floorDb }));
      const image = own.analyse(float32(stored.signal));
      expect(image.frameCount).toBe(frameCount);
      expectClose(own.toDb(image), float32(stored.db), { absolute: 1e-4, reason: 'image values are float32 over 86 dB' });
    },
  );

  it('reads a full-scale sine near 0 dBFS and clips no sound within ±1', () => {
    for (const hz of [100, 440, 3000, 9000]) {
      const db = loudestDb(Float32Array.from({ length: 8000 }, (_, index) => Math.sin((2 * Math.PI * hz * index) / 22050)));
      expect(db).toBeGreaterThan(-1.5);
      expect(db).toBeLessThan(2);
    }
    expect(loudestDb(sounds.square)).toBeLessThan(defaultMelSettings.ceilingDb);
  });

  it('moves every cell by 20 dB when the sound is 20 dB quieter', () => {
    const loud = codec.toDb(codec.analyse(sounds.noise));
    const quiet = codec.toDb(codec.analyse(sounds.noise.map((sample) => sample / 10)));
    expectClose(quiet, loud.map((db) => Math.max(db - 20, -80)), { absolute: 1e-3 });
  });

  it('has 1 + floor(T / hop) frames, however short the sound', () => {
    for (const count of [1, 2, 255, 256, 511, 512, 2000]) {
      expect(codec.analyse(new Float32Array(count).fill(0.1)).frameCount).toBe(1 + Math.floor(count / 256));
    }
  });

  it('gives some frames alone as in the whole image', () => {
    const { data, frameCount } = codec.analyse(sounds.noise);
    for (const [first, last] of [[0, 1], [3, 14], [frameCount - 5, frameCount]]) {
      const part = codec.analyseFrames(sounds.noise, first, last);
      expect(part).toEqual(Float32Array.from({ length: 80 * (last - first) }, (_, cell) => data[Math.floor(cell / (last - first)) * frameCount + first + (cell % (last - first))]));
    }
  });

  it('turns silence into -1 and -1 into no power at all', () => {
    const image = codec.analyse(sounds.silence);
    expect(image.data.every((value) => value === -1)).toBe(true);
    expect(codec.invertToMagnitude(image).magnitude.every((value) => value === 0)).toBe(true);
  });

  it('gives magnitudes whose mel decibels are the image again', () => {
    for (const signal of [sounds.noise, sounds.square]) {
      const image = codec.analyse(signal);
      const { magnitude, frameCount, binCount } = codec.invertToMagnitude(image);
      expect(magnitude.length).toBe(frameCount * binCount);
      const power = magnitude.map((value) => (value * codec.stft.fullScale) ** 2);
      const total = power.reduce((a, b) => a + b, 0);
      expect(total).toBeGreaterThan(0);
      const again = melDbOf(power, frameCount, binCount);
      expectClose(again, codec.toDb(image), { absolute: 0.02 });
    }
  });

  it('counts cells within the gate as silence', () => {
    const image = { settings: defaultMelSettings, frameCount: 2, data: new Float32Array(160).fill(dbToImageValue(-78, defaultMelSettings)) };
    expect(codec.invertToMagnitude(image).magnitude.some((value) => value > 0)).toBe(true);
    expect(codec.invertToMagnitude(image, { gateDb: 2.5 }).magnitude.every((value) => value === 0)).toBe(true);
  });

  it('refuses what is not sound, what is no image and what another codec made', () => {
    expect(() => codec.analyse(new Float32Array(0))).toThrow(/mel codec: got no samples/);
    expect(() => codec.analyse(Float32Array.of(0, Number.NaN))).toThrow(/got NaN at sample 1/);
    expect(() => codec.toDb({ settings: defaultMelSettings, frameCount: 2, data: new Float32Array(80) })).toThrow(/80 values for 2 frames/);
    const bad = new Float32Array(160);
    bad[81] = Number.NaN;
    expect(() => codec.invertToMagnitude({ settings: defaultMelSettings, frameCount: 2, data: bad })).toThrow(/NaN at mel bin 40, frame 1/);
    const other = createMelCodec(melSchema.parse({ melBins: 64, floorDb: -90 })).analyse(sounds.click);
    expect(() => codec.toDb(other)).toThrow(/mel melBins, floorDb: got melBins 64, floorDb -90, expected melBins 80, floorDb -80/);
    expect(() => createMelCodec(melSchema.parse({ melBins: 400 }))).toThrow(/mel\.melBins/);
  });
});

describe('codec identity', () => {
  it('depends on every setting but the number of frames', () => {
    const changes = { sampleRateHz: 44100, fftSize: 2048, windowSamples: 512, hopSamples: 128, melBins: 64, minHz: 0, maxHz: 8000, melScale: 'htk', melNorm: 'slaney', floorDb: -90, ceilingDb: 0 };
    const hashes = Object.entries(changes).map(([key, value]) => codecHash(melSchema.parse({ [key]: value })));
    expect(new Set([...hashes, codecHash(defaultMelSettings)]).size).toBe(hashes.length + 1);
    expect(codecHash(melSchema.parse({ frames: 64 }))).toBe(codecHash(defaultMelSettings));
    expect(codecHash(defaultMelSettings)).toMatch(/^[0-9a-f]{16}$/);
    for (const [key, value] of Object.entries(changes)) {
      expect(() => assertSameCodec(melSchema.parse({ [key]: value }), defaultMelSettings, 'kick.png')).toThrow(`kick.png: mel ${key}: got ${key} ${value}`);
    }
    assertSameCodec(melSchema.parse({ frames: 64 }), defaultMelSettings, 'kick.png');
  });
});

describe('image values', () => {
  it('are those of the decibels of a power, silence and NaN too', () => {
    const toImageValue = powerToImageValue(defaultMelSettings, 0.01);
    for (const power of [0, 1e-9, 1e-6, 2e-5, 1, 100, 1000]) expectClose(toImageValue(power), dbToImageValue(powerToDb(power * 0.01), defaultMelSettings), { absolute: 1e-13 });
    expect(toImageValue(0)).toBe(-1);
    expect(toImageValue(Number.NaN)).toBeNaN();
  });

  it('map to decibels and back', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (value) => {
        expectClose(dbToImageValue(imageValueToDb(value, defaultMelSettings), defaultMelSettings), value, { absolute: 1e-13 });
      }),
    );
    expectClose([-100, -80, -37, 6, 50].map((db) => dbToImageValue(db, defaultMelSettings)), [-1, -1, 0, 1, 1]);
  });
});

/** Mel decibels of linear power, by the codec's own filters. Shape: [N*F] -> [M, N]. */
function melDbOf(power: Float32Array, frameCount: number, binCount: number): Float32Array {
  const bank = melFilterBank(defaultMelSettings);
  const out = new Float32Array(bank.melBins * frameCount);
  const mel = new Float64Array(bank.melBins);
  for (let n = 0; n < frameCount; n += 1) {
    applyMelFilterBank(bank, Float64Array.from(power.subarray(n * binCount, (n + 1) * binCount)), mel);
    for (let row = 0; row < bank.melBins; row += 1) out[row * frameCount + n] = Math.max(powerToDb(mel[row]), defaultMelSettings.floorDb);
  }
  return out;
}
