// The one interface of everything that turns a mel image into sound.
import type { Clip } from '../audio/clip.js';
import type { MelImage } from '../spectrogram/mel-image.js';

export interface VocoderOptions {
  /** Same seed, same bytes. Default 0. */
  readonly seed?: number;
  /** Samples to return: cut, or filled with silence. Default (N - 1)·hopSamples, where N is the number of frames. */
  readonly sampleCount?: number;
  /**
   * Whether the image's last frame goes on at its first, and the sound at its start when it has ended. The frames are then spread evenly
   * over sampleCount, whose default is N·hopSamples. Default false.
   */
  readonly isLoop?: boolean;
  /**
   * A sound of sampleCount samples of which only a part is to be made anew. The caller puts the rest back; a vocoder that
   * heeds it joins on in phase. Default none.
   */
  readonly around?: SoundAround;
  /** Samples that are given and come back as they are, the rest made to go with them. Default none. */
  readonly known?: KnownSound;
}

/** A sound of which a part is made anew. */
export interface SoundAround {
  /** As many as the codec has. Shape: [sampleCount] each. */
  readonly channels: readonly Float32Array[];
  /** Keeps of a channel's difference to the sound what may differ. It is linear, and applying it twice changes little. Mutates: difference. */
  limit(difference: Float32Array): void;
}

/** Samples that are known beforehand. */
export interface KnownSound {
  /** As many as the codec has; where nothing is known the values don't matter. Shape: [sampleCount] each. */
  readonly channels: readonly Float32Array[];
  /** Which are known: stretches from left to right that do not touch. */
  readonly spans: readonly SampleSpan[];
}

/** Samples from `from` on and before `to`. */
export interface SampleSpan {
  readonly from: number;
  readonly to: number;
}

export interface Vocoder {
  readonly name: string;
  /** Whether `known` is heeded, so that a long image may be inverted piece after piece, each going on from the one before. Default false. */
  readonly isContinuing?: boolean;
  /** Frames to either side that a sound depends on beyond those whose transforms hold it: a piece of an image needs them too. Default 0. */
  readonly contextFrames?: number;
  /** Images that it works on at once when it is given so many before the first is done. Default 1. */
  readonly lanes?: number;
  /** Gives a clip of the codec's channels, at its rate and level. An image of silence gives zeros. @throws MelstromError when the image is of another codec. */
  invert(image: MelImage, options?: VocoderOptions): Clip | Promise<Clip>;
}

/** A vocoder that works on the thread that asks, and answers at once. */
export interface PromptVocoder extends Vocoder {
  invert(image: MelImage, options?: VocoderOptions): Clip;
}
