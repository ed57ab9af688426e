// How near an inverted sound came to its mel image, whatever the vocoder. Knows no file.
import type { Clip } from '../audio/clip.js';
import type { MelSettings } from '../config/mel.js';
import { midSide } from '../dsp/mid-side.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
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

/** Compares a sound with its image as both come. */
export interface InversionMeter {
  /** Compares frames `from` to before `to` of an image and of the sound's channels, both counted from the same place. */
  compare(image: MelImage, channels: readonly Float32Array[], frames?: { readonly from: number; readonly to: number }): void;
  report(): InversionReport;
}

/** Of stereo sound mid and side are compared. Memory: one codec; nothing of what was compared is kept. */
export function createInversionMeter(settings: MelSettings): InversionMeter {
  const codec = createMelCodec({ ...settings, channels: 1 });
  const { melBins } = settings;
  let off = 0;
  let wantedPower = 0;
  let gotPower = 0;
  const compareOne = (image: MelImage, samples: Float32Array, { from, to }: { readonly from: number; readonly to: number }): void => {
    const wanted = codec.toMelTarget(image).mel;
    const got = codec.toMelTarget(codec.analyse(samples)).mel;
    const end = Math.min(wanted.length, got.length, to * melBins);
    for (let cell = from * melBins; cell < end - (end % melBins); cell += 1) {
      off += (Math.sqrt(got[cell]) - Math.sqrt(wanted[cell])) ** 2;
      wantedPower += wanted[cell];
      gotPower += got[cell];
    }
  };
  return {
    compare(image, [left, right], frames = { from: 0, to: image.frameCount }) {
      if (settings.channels !== 2) return compareOne(image, left, frames);
      for (const [channel, signal] of midSide(left, right).entries()) compareOne(imageChannel(image, channel), signal, frames);
    },
    report: () => ({
      spectralConvergenceDb: wantedPower === 0 ? null : 10 * Math.log10(Math.max(off / wantedPower, 1e-20)),
      levelDifferenceDb: wantedPower === 0 || gotPower === 0 ? null : 10 * Math.log10(gotPower / wantedPower),
    }),
  };
}

/**
 * Analyses the first channel of a sound again, or mid and side of a stereo image's, and compares over the frames that both have. Cells
 * at the codec's floor count as holding nothing.
 */
export function reportInversion(image: MelImage, { channels }: Clip): InversionReport {
  const meter = createInversionMeter(image.settings);
  meter.compare(image, channels);
  return meter.report();
}
