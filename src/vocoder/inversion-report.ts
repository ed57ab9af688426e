// How near an inverted sound came to its mel image, whatever the vocoder. Knows no file.
import type { Clip } from '../audio/clip.js';
import { midSide } from '../dsp/mid-side.js';
import { createMelCodec, type MelCodec } from '../spectrogram/mel-codec.js';
import { imageChannel, type MelImage } from '../spectrogram/mel-image.js';

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
 * Analyses the first channel of a sound again, or mid and side of a stereo image's, and compares over the frames that both have. Cells
 * at the codec's floor count as holding nothing.
 */
export function reportInversion(image: MelImage, { channels: [left, right] }: Clip): InversionReport {
  const isStereo = image.settings.channels === 2;
  const codec = createMelCodec({ ...image.settings, channels: 1 });
  const sums = isStereo
    ? midSide(left, right).map((signal, channel) => compare(codec, imageChannel(image, channel), signal))
    : [compare(codec, image, left)];
  const [off, wantedPower, gotPower] = (['off', 'wantedPower', 'gotPower'] as const).map((key) => sums.reduce((sum, part) => sum + part[key], 0));
  return {
    spectralConvergenceDb: wantedPower === 0 ? null : 10 * Math.log10(Math.max(off / wantedPower, 1e-20)),
    levelDifferenceDb: wantedPower === 0 || gotPower === 0 ? null : 10 * Math.log10(gotPower / wantedPower),
  };
}

/** Sums over the cells that both have. */
function compare(codec: MelCodec, image: MelImage, signal: Float32Array): Readonly<Record<'off' | 'wantedPower' | 'gotPower', number>> {
  const { melBins } = image.settings;
  const wanted = codec.toMelTarget(image).mel;
  const got = codec.toMelTarget(codec.analyse(signal)).mel;
  const count = Math.min(wanted.length, got.length) - (Math.min(wanted.length, got.length) % melBins);
  const sums = { off: 0, wantedPower: 0, gotPower: 0 };
  for (let cell = 0; cell < count; cell += 1) {
    sums.off += (Math.sqrt(got[cell]) - Math.sqrt(wanted[cell])) ** 2;
    sums.wantedPower += wanted[cell];
    sums.gotPower += got[cell];
  }
  return sums;
}
