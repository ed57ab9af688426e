// Sound of as many channels as the settings say as one mel image: the mel codec, or the stereo codec.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { createMelCodec } from './mel-codec.js';
import type { MelImage } from './mel-image.js';
import { createStereoCodec } from './stereo-codec.js';

export interface ImageCodec {
  readonly settings: MelSettings;
  /** Shape: [T] per channel of sound -> [M, N], or for two channels [3·M, N]. */
  analyse(channels: readonly Float32Array[]): MelImage;
}

/** Memory: buffers are reused; one object serves one computation at a time. @throws MelstromError when the settings leave a mel bin empty */
export function createImageCodec(settings: MelSettings): ImageCodec {
  const { channels: count = 1 } = settings;
  const analyse = analyserOf(settings);
  return {
    settings,
    analyse(channels) {
      if (channels.length !== count) throw new MelstromError({ kind: 'internal', where: 'image codec', got: `${channels.length} channels`, expected: String(count) });
      return analyse(channels);
    },
  };
}

function analyserOf(settings: MelSettings): ImageCodec['analyse'] {
  if (settings.channels === 2) {
    const stereo = createStereoCodec(settings);
    return ([left, right]) => stereo.analyse(left, right);
  }
  const mono = createMelCodec(settings);
  return ([signal]) => mono.analyse(signal);
}
