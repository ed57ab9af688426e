// Which codec made an image: a hash to store, and the refusal of another by name.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { storedMel } from '../config/mel-layout.js';

/** The settings that decide what a cell means. `frames` is not one of them: it says where images are cut, not how they sound. */
const CODEC_KEYS = [
  'sampleRateHz', 'channels', 'fftSize', 'windowSamples', 'hopSamples', 'melBins', 'minHz', 'maxHz', 'melScale', 'melNorm', 'floorDb', 'ceilingDb',
] as const satisfies readonly (keyof MelSettings)[];

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** 16 hexadecimal digits that are the same exactly when two codecs are, whatever their number of frames. */
export function codecHash(settings: MelSettings): string {
  const stored = storedMel(settings);
  const text = CODEC_KEYS.filter((key) => key in stored).map((key) => `${key}=${settings[key]}`).join('\n');
  let hash = FNV_OFFSET;
  for (const character of text) hash = BigInt.asUintN(64, (hash ^ BigInt(character.charCodeAt(0))) * FNV_PRIME);
  return hash.toString(16).padStart(16, '0');
}

/** @throws MelstromError that names every setting in which the two differ. */
export function assertSameCodec(got: MelSettings, expected: MelSettings, where: string): void {
  const different = CODEC_KEYS.filter((key) => storedMel(got)[key] !== storedMel(expected)[key]);
  if (different.length === 0) return;
  throw new MelstromError({
    kind: 'data',
    where: `${where}: mel ${different.join(', ')}`,
    got: different.map((key) => `${key} ${got[key]}`).join(', '),
    expected: different.map((key) => `${key} ${expected[key]}`).join(', '),
    fix: 'Make the image anew with the settings expected here; images of another codec are not converted.',
  });
}
