// The embedding that needs no network and no download: statistics of a coarse mel spectrogram in decibels.
import { melSchema } from '../config/mel.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import type { Embedding } from './embedding.js';
import { logMelStatistics } from './log-mel-statistics.js';

/** Fixed for good: a change of any number needs another name. */
const SETTINGS = melSchema.parse({
  sampleRateHz: 44_100, fftSize: 2048, windowSamples: 2048, hopSamples: 512,
  melBins: 32, minHz: 30, maxHz: 20_000, melScale: 'htk', melNorm: 'none', floorDb: -80, ceilingDb: 6,
});

/**
 * `spectral-32`, 80 values in decibels above −80 dBFS, so that digital silence is the zero vector: per band the mean over time, per
 * band the standard deviation over time, then the mean over bands in 16 equal stretches of time.
 *
 * 44.1 kHz mono; periodic Hann window of 2048 samples, hop 512, centred, mirrored at the ends; power where a full-scale sine
 * reads 0 dB; 32 triangles of height 1, even on the HTK mel scale from 30 Hz to 20 kHz; 10·log10, clipped to [−80, 6] dB.
 * It hears level, spectrum and the course of loudness. It is deaf to phase and to the order of spectra within a clip.
 */
export function createSpectralEmbedding(): Embedding {
  const codec = createMelCodec(SETTINGS);
  return {
    name: 'spectral-32',
    description: '80 values in dB: mean and standard deviation over time of 32 HTK mel bands (30 Hz to 20 kHz, 44.1 kHz, Hann 2048, hop 512, −80 to 6 dBFS), and the mean level in 16 stretches of time',
    sampleRateHz: SETTINGS.sampleRateHz,
    embed: async (signal) => logMelStatistics(codec.analyse(signal)),
  };
}
