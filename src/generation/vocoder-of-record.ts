// The vocoder that a sidecar names, made again.
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createGriffinLimVocoder, griffinLimOptionsOf } from '../vocoder/griffin-lim-vocoder.js';
import { createOwnVocoder } from '../vocoder/neural-vocoder.js';
import type { PromptVocoder } from '../vocoder/vocoder.js';
import type { Sidecar } from './sidecar.js';

/** @throws MelstromError of kind 'data' when there is none of that name */
export function vocoderOfRecord({ mel, vocoder: network }: Pick<Pipeline, 'mel' | 'vocoder'>, { vocoder }: Pick<Sidecar, 'vocoder'>, where: string): PromptVocoder {
  const options = griffinLimOptionsOf(vocoder);
  if (options !== null) return createGriffinLimVocoder(mel, options);
  const inverter = griffinLimOptionsOf(vocoder.replace(/^vocos-[0-9a-f]{8}-/, '')) ?? {};
  const own = network === null ? null : createOwnVocoder(mel, network, inverter);
  if (own?.name === vocoder) return own;
  throw new MelstromError({
    kind: 'data', where: `${where}: vocoder`, got: vocoder, expected: `griffin-lim-<iterations>${own === null ? '' : ` or ${own.name}, the run's own`}`,
    fix: 'The vocoder of the run has changed since, or a newer version made this.',
  });
}
