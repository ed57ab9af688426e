// An operation done again from what its sidecar says. Reads no file itself.
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { OperationClip, OperationRequest } from './_redraw.js';
import { recordSound, type InputSound } from './_sounds.js';
import { combineClips } from './combine.js';
import { fillSounds } from './fill.js';
import type { DescribedMix, DescribedPart, MixPart, SoundMix } from './mix.js';
import { morphSounds, type MorphEnd } from './morph.js';
import type { EndRecord, InputRecord, OperationSidecar } from './operation.js';
import { varySounds } from './vary.js';

export interface Repetition {
  readonly record: OperationSidecar;
  /**
   * Seeds, sampling and the rest, as the sidecar has them: the same bytes come only from a batch of the same size, in the
   * precision of the record. All seeds are the record's own; of a morph none is needed.
   */
  readonly request: Omit<OperationRequest, 'mixes'>;
  /** Reads a sound again as it was read, at the model's rate. */
  readonly readSound: (input: InputRecord) => Promise<InputSound>;
}

/**
 * Draws what a sidecar tells of: a clip per seed, each as the one that it lies beside; of a morph the one clip.
 *
 * @throws MelstromError of kind 'data' when a sound is not the one that went in, and as the operation itself does
 */
export async function* repeatOperation(pipeline: Pipeline, { record, request, readSound }: Repetition): AsyncGenerator<OperationClip> {
  const { seeds } = request;
  const each = <T>(value: T): T[] => seeds.map(() => value);
  switch (record.operation) {
    case 'combine':
      yield* combineClips(pipeline, { ...request, mixes: each(mixOfRecord(pipeline, record.operationSettings.mix)) });
      return;
    case 'vary': {
      const { strength, input, mix } = record.operationSettings;
      const sound = await requireSameSound(input, readSound);
      yield* varySounds(pipeline, { ...request, strength, sounds: each(sound), mixes: each(mixOfRecord(pipeline, mix)) });
      return;
    }
    case 'fill': {
      const { strength, input, mix, fadeSeconds, fadeOctaves, heedRounds = 0, resamples = 2, detail = 0, holdSeconds = 0, region: { fromSample, toSample, lowHz, highHz } } = record.operationSettings;
      const { sampleRateHz } = pipeline.mel;
      const region = { fromSeconds: fromSample / sampleRateHz, toSeconds: toSample / sampleRateHz, lowHz, highHz };
      const sound = await requireSameSound(input, readSound);
      yield* fillSounds(pipeline, { ...request, strength, region, fadeSeconds, fadeOctaves, heedRounds, resamples, detail, holdSeconds, sounds: each(sound), mixes: each(mixOfRecord(pipeline, mix)) });
      return;
    }
    case 'morph': {
      const { from, to, index, count, rounds, corrections, seed } = record.operationSettings;
      const endOf = async (end: EndRecord): Promise<MorphEnd> => ({
        mix: mixOfRecord(pipeline, end.mix),
        ...(end.input === null ? { seed: end.seed! } : { sound: await requireSameSound(end.input, readSound) }),
      });
      const skip = (at: number): boolean => at !== index; // the place in the whole morph, which may have been drawn in several batches
      const clips = morphSounds(pipeline, { ...request, skip, from: await endOf(from), to: await endOf(to), count, rounds, corrections, seed });
      yield* clips;
    }
  }
}

async function requireSameSound(input: InputRecord, readSound: Repetition['readSound']): Promise<InputSound> {
  const sound = await readSound(input);
  const { sha256, sampleCount } = await recordSound(sound.channels);
  if (sha256 === input.sha256) return { ...sound, file: input.file, downmix: input.downmix };
  throw new MelstromError({
    kind: 'data', where: input.file ?? 'input', got: `a sound of ${sampleCount} samples (${sha256.slice(0, 12)})`, expected: `the one that went in, of ${input.sampleCount} (${input.sha256.slice(0, 12)})`,
    fix: 'Put the original file back where it was.',
  });
}

/** A mix from its description. @throws MelstromError of kind 'data' when the model has no such label */
function mixOfRecord({ labels }: Pick<Pipeline, 'labels'>, { parts, negative }: DescribedMix): SoundMix {
  const partOf = ({ label, prompt, weight }: DescribedPart): MixPart => {
    const index = label === null ? null : labels.indexOf(label);
    if (index === -1) throw new MelstromError({ kind: 'data', where: 'sidecar: label', got: `'${label}'`, expected: `one of ${labels.join(', ')}` });
    return { label: index, prompt: prompt ?? '', weight };
  };
  return { parts: parts.map(partOf), negative: negative.map(partOf) };
}
