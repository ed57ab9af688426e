// The neural vocoder in a pipeline folder: vocoder/config.json, which says whose images it reads, and its weights. Knows no training.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MelstromError } from '../base/errors.js';
import { melSchema, type MelSettings } from '../config/mel.js';
import { monoMel, storedMel } from '../config/mel-layout.js';
import { configurationError, problemsOf } from '../config/problems.js';
import { deriveVocos, vocosProblems, vocosSchema, type VocosConfig } from '../config/vocoder.js';
import { loadReference, referenceFile, type FloatDtype } from '../nn/index.js';
import { assertSameCodec, codecHash } from '../spectrogram/codec-identity.js';
import { createVocoderNetwork, type VocoderMeasure, type VocoderNetwork } from '../vocoder/vocoder-network.js';
import { writeFolder, type FileContents } from './_whole-folder.node.js';
import { openWeights, readJsonFile, type OpenWeightsOptions } from './component-files.node.js';
import { MELSTROM_VERSION } from './version.js';

/** Name of the folder inside a pipeline folder. */
export const VOCODER_FOLDER = 'vocoder';
const VOCODER_CLASS = 'MelstromVocos';
const WEIGHTS = 'model.safetensors';
/** Of earlier versions, without a meaning for networks that predict a spectrum. */
const OLD_KEYS: ReadonlySet<string> = new Set(['mixing', 'cell_dim', 'cell_layers']);

/** A vocoder before its weights are read. */
export interface FoundVocoder {
  readonly config: VocosConfig;
  readonly mel: MelSettings;
  readonly folder: string;
  readonly measured: VocoderMeasure | null;
}

/** The files of a vocoder by their names in its folder. */
export function vocoderFiles({ vocos, mel, measured = null }: VocoderNetwork, dtype: FloatDtype = 'F32'): Map<string, FileContents> {
  const config = { _class_name: VOCODER_CLASS, _melstrom_version: MELSTROM_VERSION, _measured: measured, ...vocos.config, mel: { _codec_hash: codecHash(mel), ...storedMel(mel) } };
  return new Map<string, FileContents>([['config.json', `${JSON.stringify(config, null, 2)}\n`], [WEIGHTS, referenceFile(vocos.parameters, dtype)]]);
}

/** Writes the vocoder into a pipeline folder, which need not hold anything else yet. It appears whole or not at all. @throws MelstromError when it cannot be written */
export async function saveVocoder(pipelineFolder: string, vocoder: VocoderNetwork): Promise<void> {
  await writeFolder(join(pipelineFolder, VOCODER_FOLDER), vocoderFiles(vocoder));
}

const headSchema = z.looseObject({
  _class_name: z.string(),
  /** Absent from folders of before it was measured. */
  _measured: z.strictObject({ loss: z.number(), inverterLoss: z.number() }).nullable().default(null),
  mel: z.looseObject({ _codec_hash: z.string() }),
});

/**
 * What the vocoder of a pipeline folder says of itself, or null where there is none of ours: those that other libraries keep there under
 * the same name are not run here.
 *
 * @param mel the pipeline's settings; another codec's vocoder is refused by the names of the settings that differ. null: whatever it was made for
 * @throws MelstromError when the configuration is damaged, changed by hand, or of another codec
 */
export function findVocoder(pipelineFolder: string, mel: MelSettings | null): FoundVocoder | null {
  const folder = join(pipelineFolder, VOCODER_FOLDER);
  const where = join(folder, 'config.json');
  if (!existsSync(where)) return null;
  const raw = readJsonFile(where);
  if ((raw as { _class_name?: unknown } | null)?._class_name !== VOCODER_CLASS) return null;
  const { mel: { _codec_hash: hash, ...ownMel }, _measured: measured, ...head } = parse(headSchema, raw, where);
  const own = Object.freeze(parse(melSchema, ownMel, `${where}: mel`));
  if (codecHash(own) !== hash) {
    throw new MelstromError({ kind: 'checkpoint', where: `${where}: mel`, got: `settings of the codec ${codecHash(own)}`, expected: `those of ${hash}, with which it was trained`, fix: 'The file was changed by hand; put the settings back as they were.' });
  }
  if (mel !== null) assertSameCodec(own, monoMel(mel), where);
  const { from_inverter: beginsAtInverter = false, ...keys } = head;
  if (beginsAtInverter !== false) {
    throw new MelstromError({ kind: 'checkpoint', where: `${where}: from_inverter`, got: String(beginsAtInverter), expected: 'a network that predicts magnitudes or a spectrum', fix: 'An earlier version trained it; train it anew: melstrom train <config> --stage vocoder.' });
  }
  const network = parse(vocosSchema, Object.fromEntries(Object.entries(keys).filter(([key]) => !key.startsWith('_') && !OLD_KEYS.has(key))), where);
  const problems = vocosProblems(network, own, 'network');
  if (problems.length > 0) throw configurationError(where, problems);
  return { config: deriveVocos(network, own), mel: own, folder, measured };
}

/** Memory: the caller disposes of the network. @throws MelstromError when the weights are absent or do not fit */
export function openVocoder({ config, mel, folder, measured }: FoundVocoder, options: OpenWeightsOptions = {}): VocoderNetwork {
  const network = createVocoderNetwork(config, mel, { seed: null });
  try {
    const source = openWeights(folder, options);
    try {
      loadReference(network.vocos.parameters, source);
    } finally {
      source.close();
    }
    return { ...network, measured };
  } catch (error) {
    network.vocos.dispose();
    throw error;
  }
}

function parse<S extends z.ZodType>(schema: S, raw: unknown, where: string): z.output<S> {
  const result = schema.safeParse(raw);
  if (!result.success) throw configurationError(where, problemsOf(schema, raw, result.error.issues));
  return result.data;
}
