// Leads a made sound back to the levels of the mel image that it was made of. Knows no network.
import { correctToMel, type MelTarget } from '../dsp/mel-consistency.js';
import { LEAST_WEIGHT } from '../dsp/phase-problem.js';
import type { Transform } from '../dsp/stft.js';

/** Times that a sound is led back, each a transform there and back. On held-out hits two leave 0.01 dB of mel error more than the inverter has, four none. */
const CORRECTIONS = 4;

export interface LevelCorrectionOptions {
  readonly transform: Transform;
  readonly target: MelTarget;
  /** Frames at either end that stay as they are: those of a window whose sound goes on beyond it. Default 0. */
  readonly edgeFrames?: number;
}

/** Frames to either side that a corrected sound depends on beyond those whose transforms hold it. */
export function correctionFrames({ fftSize, hopSamples }: Pick<Transform, 'fftSize' | 'hopSamples'>): number {
  return CORRECTIONS * Math.ceil(fftSize / hopSamples);
}

/** Every bin is scaled so that each mel filter holds what it should, and keeps its phase. Shape: [T]. Mutates: made. */
export function correctLevels(made: Float32Array, { transform, target, edgeFrames = 0 }: LevelCorrectionOptions): void {
  const { bank, mel } = target;
  const spectrum = transform.createSpectrum(mel.length / bank.melBins);
  const { binCount, frameCount } = spectrum;
  const [from, to] = [edgeFrames, Math.max(edgeFrames, frameCount - edgeFrames)];
  const inner = { re: spectrum.re.subarray(from * binCount, to * binCount), im: spectrum.im.subarray(from * binCount, to * binCount), frameCount: to - from, binCount };
  for (let time = 0; time < CORRECTIONS; time += 1) {
    transform.forwardInto(made, spectrum);
    correctToMel(inner, { bank, mel: mel.subarray(from * bank.melBins, to * bank.melBins) });
    transform.inverseInto(spectrum, made, LEAST_WEIGHT);
  }
}
