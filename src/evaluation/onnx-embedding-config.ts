// What a file says of an embedding that runs ONNX networks one after the other. Knows no network and no file.
import { z } from 'zod';

const stageSchema = z.strictObject({
  /** The network's file, relative to this one. */
  model: z.string().min(1),
  /** SHA-256 of the file, in hexadecimal; a file of another content is refused. null: not checked, and so not declared. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/).nullable().default(null),
  /** Names of the input and the output; null: the first. */
  input: z.string().min(1).nullable().default(null),
  output: z.string().min(1).nullable().default(null),
  /** Shape that the network is given; 'samples', 'frames' and 'values' stand for what there is. */
  shape: z.array(z.union([z.int().min(1), z.enum(['samples', 'frames', 'values'])])).min(1),
  /** Values are multiplied by scale, then offset is added, before they go in. */
  scale: z.number().default(1),
  offset: z.number().default(0),
  /** For a network on frames: it is run on so many at a time, hop frames apart. null: on all at once. */
  window: z.strictObject({ frames: z.int().min(1), hop: z.int().min(1) }).nullable().default(null),
});

export const onnxEmbeddingSchema = z.strictObject({
  /** What reports call it. Scores of different names are never comparable. */
  name: z.string().min(1),
  /** The rate at which sound is given to it. */
  sampleRateHz: z.int().min(1000).max(384_000),
  /** Standard deviation of white noise, the same for every clip, added before all else. A little keeps digital silence from deciding the score. */
  noiseSigma: z.number().min(0).max(1).default(0),
  /** Shorter clips are filled with silence to this length. Unit: s. */
  leastSeconds: z.number().min(0).default(0),
  /** In the order they are run: the first on samples, each further one on the frames of the one before. */
  stages: z.array(stageSchema).min(1),
  /** Output vectors of a clip become one: their mean, or mean and standard deviation. */
  pool: z.enum(['mean', 'mean-and-deviation']).default('mean'),
});

export type OnnxEmbeddingConfig = z.output<typeof onnxEmbeddingSchema>;
export type OnnxStage = OnnxEmbeddingConfig['stages'][number];
