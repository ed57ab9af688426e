// What the classical inverter makes of each sound of a corpus: where a vocoder begins, and what it must beat. Knows no file and no network.
import type { MelSettings } from '../config/mel.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { createStartInverter } from '../vocoder/neural-vocoder.js';
import type { SliceSource, Split } from './corpus-source.js';

export interface InvertedSounds {
  /** The corpus with inverted sounds in place of its own, in the splits asked for; the others have no slices. */
  readonly corpus: SliceSource;
  /** Names the inverter. */
  readonly key: string;
}

/** Each sound is inverted with its own phases drawn anew, so that a network does not learn those of one seed by heart. */
export function invertedSounds(corpus: SliceSource, mel: MelSettings, { splits }: { readonly splits: readonly Split[] }): InvertedSounds {
  const codec = createMelCodec(mel);
  const inverter = createStartInverter(mel);
  const { sounds } = corpus;
  return {
    key: `${inverter.name} ${splits.join(' ')}`,
    corpus: {
      ...corpus,
      sliceCount: (split) => (splits.includes(split) ? corpus.sliceCount(split) : 0),
      ...(sounds && {
        async *sounds(split: Split) {
          if (!splits.includes(split)) return;
          for await (const { index, samples } of sounds(split)) {
            yield { index, samples: inverter.invert(codec.analyse(samples), { seed: index, sampleCount: samples.length }).channels[0] };
          }
        },
      }),
    },
  };
}
