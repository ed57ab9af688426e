// The one interface of everything that turns a mel image into sound.
import type { Clip } from '../audio/clip.js';
import type { GivenSound } from '../dsp/griffin-lim.js';
import type { MelImage } from '../spectrogram/mel-image.js';

export interface VocoderOptions {
  /** Same seed, same bytes. Default 0. */
  readonly seed?: number;
  /** Samples to return: cut, or filled with silence. Default (N - 1)·hopSamples, where N is the number of frames. */
  readonly sampleCount?: number;
  /**
   * A sound of sampleCount samples of which only a part is to be made anew. The caller puts the rest back; a vocoder that
   * heeds it joins on in phase. Default none.
   */
  readonly around?: GivenSound;
}

export interface Vocoder {
  readonly name: string;
  /** Returns a mono clip at the codec's rate and level. An image of silence gives zeros. @throws MelstromError when the image is of another codec. */
  invert(image: MelImage, options?: VocoderOptions): Clip;
}
