// A spectrogram read from a peer's image, and its way back to sound. Knows no image format.
import type { Clip } from '../../audio/clip.js';
import { applyMelFilterBank, melFilterBank, type MelFilterBank } from '../../dsp/mel.js';
import { createMelNnls } from '../../dsp/nnls.js';
import { recoverSignal, type RecoverSignalOptions } from '../../dsp/recover-signal.js';
import { createStft, type Stft } from '../../dsp/stft.js';
import { dbToAmplitude } from '../../dsp/decibels.js';
import { filterBankOf, type MelFrames, type MelTransform } from './mel-frames.js';

/** Peak that a sound gets whose level its image does not tell. Unit: dBFS. */
export const UNKNOWN_LEVEL_PEAK_DB = -1;

export interface PeerSpectrogram {
  readonly transform: MelTransform;
  readonly frameCount: number;
  /** One array per channel of sound. Shape: [M, N] each, row 0 the lowest frequency. Unit: of MelFrames. */
  readonly channels: readonly Float32Array[];
  /** Whether the image tells how loud the sound was. */
  readonly isLevelKnown: boolean;
}

/** The seed is the same for all channels. */
export interface InvertPeerOptions extends Pick<RecoverSignalOptions, 'iterations' | 'method' | 'start' | 'seed'> {
  /** Whether magnitudes follow the sound under rows of power, or stay as least squares gave them, as they do under rows of amplitude. Default true. */
  readonly isRefined?: boolean;
}

/**
 * Turns a peer's spectrogram into sound: non-negative least squares from mel to linear bins, then phases. Sounds whose level
 * the image does not tell get a peak of -1 dBFS over all channels.
 *
 * The transform of the phases has the power of two nearest to the peer's size that holds the window. The same windowed sound gives the
 * same spectrum at either size, only at other steps in frequency, so each mel row is multiplied by how much more filter weight lies
 * over it at the new steps. Where the sizes agree the factor is 1.
 *
 * Shape: [M, N] -> [(N - 1)·hopSamples] per channel.
 */
export function invertPeerSpectrogram(spectrogram: PeerSpectrogram, { isRefined = true, ...options }: InvertPeerOptions = {}): Clip {
  const { transform, channels, isLevelKnown } = spectrogram;
  const { sampleRateHz, windowSamples, hopSamples } = transform;
  const fftSize = nearestPowerOfTwo(transform.fftSize, windowSamples);
  const stft = createStft({ fftSize, windowSamples, hopSamples });
  const bank = melFilterBank({ ...transform, fftSize });
  const factors = rowFactors(filterBankOf(transform), bank);
  const sounds = channels.map((data) => {
    const { frameCount } = spectrogram;
    const mel = melByFrame({ frameCount, data }, factors);
    const magnitude = linearMagnitudes(mel, { transform, stft, bank });
    return recoverSignal(stft, { magnitude, frameCount, binCount: stft.binCount }, { ...options, mel: isRefined && transform.exponent === 2 ? { bank, mel } : undefined });
  });
  const peak = sounds.reduce((most, sound) => sound.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);
  const gain = isLevelKnown || peak === 0 ? 1 : dbToAmplitude(UNKNOWN_LEVEL_PEAK_DB) / peak;
  return { sampleRateHz, channels: gain === 1 ? sounds : sounds.map((sound) => sound.map((sample) => sample * gain)) };
}

/** The power of two whose ratio to size is nearest to 1, of at least `least`. */
export function nearestPowerOfTwo(size: number, least: number): number {
  return Math.max(2 ** Math.round(Math.log2(size)), 2 ** Math.ceil(Math.log2(least)), 8);
}

/** Weight over each mel row in `own`, as a multiple of that in `theirs`; 1 where a row is empty. Shape: [M]. */
function rowFactors(theirs: MelFilterBank, own: MelFilterBank): Float64Array {
  const before = rowWeights(theirs);
  return rowWeights(own).map((weight, row) => (before[row] > 0 && weight > 0 ? weight / before[row] : 1));
}

function rowWeights(bank: MelFilterBank): Float64Array {
  const sums = new Float64Array(bank.melBins);
  applyMelFilterBank(bank, new Float64Array(bank.binCount).fill(1), sums);
  return sums;
}

/** Shape: [M, N] -> [N*M]. */
function melByFrame({ frameCount, data }: MelFrames, factors: Float64Array): Float32Array {
  const melBins = factors.length;
  return Float32Array.from(data, (_, cell) => data[(cell % melBins) * frameCount + Math.floor(cell / melBins)] * factors[cell % melBins]);
}

interface InversionParts {
  readonly transform: MelTransform;
  readonly stft: Stft;
  readonly bank: MelFilterBank;
}

/** Shape: [N*M] -> [N*F]. */
function linearMagnitudes(mel: Float32Array, { transform, stft, bank }: InversionParts): Float32Array {
  const { melBins, exponent } = transform;
  const frameCount = mel.length / melBins;
  const nnls = createMelNnls(bank);
  const linear = new Float64Array(stft.binCount);
  const magnitude = new Float32Array(frameCount * stft.binCount);
  for (let n = 0; n < frameCount; n += 1) {
    nnls.solve(Float64Array.from(mel.subarray(n * melBins, (n + 1) * melBins)), linear);
    for (let bin = 0; bin < stft.binCount; bin += 1) magnitude[n * stft.binCount + bin] = exponent === 2 ? Math.sqrt(linear[bin]) : linear[bin];
  }
  return magnitude;
}
