// The refusal of stereo settings where something works on one channel of sound alone.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';

/** @throws MelstromError of kind 'usage' for settings of two channels; `where` names what was asked for */
export function requireOneChannel({ channels = 1 }: Partial<Pick<MelSettings, 'channels'>>, where: string): void {
  if (channels === 1) return;
  throw new MelstromError({
    kind: 'usage', where: `${where}: mel.channels`, got: String(channels), expected: '1, since this works on one channel of sound alone',
    fix: 'Use createImageCodec, which takes one channel or two.',
  });
}
