// How near an inverted sound came to its mel image, whatever the vocoder. Knows no file.
import type { Clip } from '../audio/clip.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';

export interface InversionReport {
  /**
   * Spectral convergence 20·log10(‖√got - √wanted‖/‖√wanted‖) of the sound's mel power against the image's. Unit: dB; lower is
   * nearer: −30 is hard to hear, −10 rough. null for an image of silence.
   */
  readonly spectralConvergenceDb: number | null;
  /** Power of the sound's mel image against the wanted one. Unit: dB, 0 is kept; null where either is silent. */
  readonly levelDifferenceDb: number | null;
}

/**
 * Analyses the first channel of a sound again and compares over the frames that both have. Cells at the codec's floor count as
 * holding nothing.
 */
export function reportInversion(image: MelImage, { channels }: Clip): InversionReport {
  const codec = createMelCodec(image.settings);
  const { melBins } = image.settings;
  const wanted = codec.toMelTarget(image).mel;
  const got = codec.toMelTarget(codec.analyse(channels[0])).mel;
  const count = Math.min(wanted.length, got.length) - (Math.min(wanted.length, got.length) % melBins);
  let off = 0;
  let wantedPower = 0;
  let gotPower = 0;
  for (let cell = 0; cell < count; cell += 1) {
    off += (Math.sqrt(got[cell]) - Math.sqrt(wanted[cell])) ** 2;
    wantedPower += wanted[cell];
    gotPower += got[cell];
  }
  return {
    spectralConvergenceDb: wantedPower === 0 ? null : 10 * Math.log10(Math.max(off / wantedPower, 1e-20)),
    levelDifferenceDb: wantedPower === 0 || gotPower === 0 ? null : 10 * Math.log10(gotPower / wantedPower),
  };
}
