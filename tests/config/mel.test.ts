import { describe, expect, it } from 'vitest';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';

describe('melSchema', () => {
  it('has a default for every key', () => {
    expect(defaultMelSettings).toMatchObject({
      sampleRateHz: 22050, fftSize: 1024, windowSamples: 1024, hopSamples: 256, melBins: 80, minHz: 20, maxHz: 11025,
      melScale: 'slaney', melNorm: 'none', floorDb: -80, ceilingDb: 6, frames: 128,
    });
    expect(Object.isFrozen(defaultMelSettings)).toBe(true);
  });

  it.each([
    [{ windowSamples: 2048 }, 'windowSamples'],
    [{ hopSamples: 513 }, 'hopSamples'],
    [{ fftSize: 1000, windowSamples: 1000 }, 'fftSize'],
    [{ minHz: 500, maxHz: 400 }, 'minHz'],
    [{ sampleRateHz: 16000 }, 'maxHz'],
    [{ floorDb: 10 }, 'floorDb'],
    [{ melScale: 'bark' }, 'melScale'],
    [{ frames: 0 }, 'frames'],
    [{ minHz: Number.NaN }, 'minHz'],
  ])('refuses %j and names %s', (input, key) => {
    const result = melSchema.safeParse(input);
    expect(result.success).toBe(false);
    expect(result.error?.issues.map((issue) => issue.path.join('.'))).toContain(key);
  });

  it('refuses an unknown key', () => {
    const result = melSchema.safeParse({ hopSample: 256 });
    expect(result.error?.issues[0]).toMatchObject({ code: 'unrecognized_keys', keys: ['hopSample'] });
  });
});
