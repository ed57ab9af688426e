// Mel settings for networks that say nothing of sound, or only part of what a codec needs. Knows no network.
import { defaultMelSettings, melSchema, type MelSettings } from '../config/mel.js';
import { emptyFilters, melFilterBank } from '../dsp/mel.js';

const MOST_FFT_SIZE = 32_768;
/** The range of the mel images of audio-diffusion, and of most models. */
const RANGE_DB = 80;

/** The default settings at another size: the shortest transform from the default's up that leaves no mel bin empty, hops of a quarter of it. */
export function suggestMel({ melBins, frames }: Pick<MelSettings, 'melBins' | 'frames'>): MelSettings {
  let settings: MelSettings = { ...defaultMelSettings, melBins, frames };
  while (settings.fftSize < MOST_FFT_SIZE && emptyFilters(melFilterBank(settings)).length > 0) {
    const fftSize = settings.fftSize * 2;
    settings = { ...settings, fftSize, windowSamples: fftSize, hopSamples: fftSize / 4 };
  }
  return Object.freeze(melSchema.parse(settings));
}

/**
 * Settings with the slaney scale and norm, as librosa's defaults are, from 0 Hz to half the rate. Such filters of unit area read far below full scale;
 * the ceiling is what a full-scale sine reads under the narrowest of them, the floor lies 80 dB (or rangeDb) below.
 */
export function slaneyMel(known: Pick<MelSettings, 'sampleRateHz' | 'fftSize' | 'hopSamples' | 'melBins' | 'frames'> & { readonly rangeDb?: number }): MelSettings {
  const { rangeDb = RANGE_DB, ...given } = known;
  const settings = { ...given, windowSamples: given.fftSize, minHz: 0, maxHz: given.sampleRateHz / 2, melScale: 'slaney', melNorm: 'slaney' } as const;
  const highest = melFilterBank(settings).weights.reduce((most, weight) => Math.max(most, weight), 0);
  const ceilingDb = Math.ceil(10 * Math.log10(highest));
  return Object.freeze(melSchema.parse({ ...settings, ceilingDb, floorDb: ceilingDb - rangeDb }));
}
