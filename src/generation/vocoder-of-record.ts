// The vocoder that a sidecar names, made again.
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import type { Sidecar } from './sidecar.js';

/** @throws MelstromError of kind 'data' when there is none of that name */
export function vocoderOfRecord({ mel }: Pick<Pipeline, 'mel'>, { vocoder }: Pick<Sidecar, 'vocoder'>, where: string): Vocoder {
  const iterations = /^griffin-lim-(\d+)$/.exec(vocoder)?.[1];
  if (iterations !== undefined) return createGriffinLimVocoder(mel, { iterations: Number(iterations) });
  throw new MelstromError({ kind: 'data', where: `${where}: vocoder`, got: vocoder, expected: 'griffin-lim-<iterations>', fix: 'A newer version may know it.' });
}
