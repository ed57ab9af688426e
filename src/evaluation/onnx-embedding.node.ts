// An embedding by ONNX networks that a file describes. The runtime is a package of its own, asked for only here.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { MelstromError, messageOf } from '../base/errors.js';
import { createRandom } from '../base/random.js';
import type { Embedding } from './embedding.js';
import { onnxEmbeddingSchema, type OnnxEmbeddingConfig, type OnnxStage } from './onnx-embedding-config.js';

type Runtime = typeof import('onnxruntime-web');
type Session = Awaited<ReturnType<Runtime['InferenceSession']['create']>>;

/** Vectors in time. Shape: values [frames * size]. */
interface Frames {
  readonly values: Float32Array;
  readonly size: number;
}

/**
 * Opens the embedding that a YAML file describes, and reads its networks.
 *
 * @throws MelstromError of kind 'configuration' for a file that doesn't describe one or a network of another content; of kind 'engine'
 * when the runtime is not installed or can't read a network
 */
export async function openOnnxEmbedding(path: string): Promise<Embedding> {
  const config = parseDescription(await readText(path), path);
  const runtime = await loadRuntime();
  const stages = await Promise.all(config.stages.map((stage) => openStage(stage, path, runtime)));
  const { name, sampleRateHz, noiseSigma, leastSeconds, pool } = config;
  return {
    name,
    description: describe(config, stages.map(({ sha256 }) => sha256)),
    sampleRateHz,
    async embed(signal) {
      const samples = new Float32Array(Math.max(signal.length, Math.ceil(leastSeconds * sampleRateHz)));
      samples.set(signal);
      const noise = createRandom(0, 'embedding noise').normals(noiseSigma === 0 ? 0 : samples.length);
      noise.forEach((value, index) => void (samples[index] += noiseSigma * value));
      let frames: Frames = { values: samples, size: 1 };
      for (const stage of stages) frames = await stage.run(frames);
      return poolFrames(frames, pool, path);
    },
  };
}

function parseDescription(text: string, path: string): OnnxEmbeddingConfig {
  const result = onnxEmbeddingSchema.safeParse(parse(text));
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  throw new MelstromError({ kind: 'configuration', where: path, got: problems.join('; '), expected: 'name, sampleRateHz, stages and what else describes an embedding' });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new MelstromError({ kind: 'configuration', where: path, got: `a file that can't be read (${messageOf(cause)})`, expected: 'a YAML file that describes an embedding', cause });
  }
}

async function loadRuntime(): Promise<Runtime> {
  try {
    const runtime = await import('onnxruntime-web');
    runtime.env.wasm.numThreads = 1;
    return runtime;
  } catch (cause) {
    throw new MelstromError({ kind: 'engine', where: 'ONNX', got: `no runtime (${messageOf(cause).split('\n', 1)[0]})`, expected: 'the package onnxruntime-web', fix: 'Install it: npm install onnxruntime-web. It needs no install script.', cause });
  }
}

async function openStage(stage: OnnxStage, path: string, runtime: Runtime) {
  const file = resolve(dirname(path), stage.model);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new MelstromError({ kind: 'configuration', where: `${path}: stages.model`, got: `'${stage.model}', which can't be read (${messageOf(cause)})`, expected: 'an ONNX file', cause });
  });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (stage.sha256 !== null && stage.sha256 !== sha256) {
    throw new MelstromError({ kind: 'configuration', where: file, got: `SHA-256 ${sha256}`, expected: stage.sha256, fix: 'Get the file that the description is of, or change both.' });
  }
  const session = await runtime.InferenceSession.create(new Uint8Array(bytes), { executionProviders: ['wasm'] }).catch((cause: unknown) => {
    throw new MelstromError({ kind: 'engine', where: file, got: oneLine(cause), expected: 'a network that the ONNX runtime reads', cause });
  });
  const names = { input: stage.input ?? session.inputNames[0], output: stage.output ?? session.outputNames[0] };
  const runOnce = (frames: Frames): Promise<Frames> => runSession(frames, { session, stage, names, runtime, file });
  return { sha256, run: (frames: Frames) => (stage.window === null ? runOnce(frames) : runWindows(frames, stage.window, runOnce)) };
}

interface SessionRun {
  readonly session: Session;
  readonly stage: OnnxStage;
  readonly names: { readonly input: string; readonly output: string };
  readonly runtime: Runtime;
  readonly file: string;
}

async function runSession({ values, size }: Frames, { session, stage, names, runtime, file }: SessionRun): Promise<Frames> {
  const known = { samples: values.length, frames: values.length / size, values: size };
  const shape = stage.shape.map((axis) => (typeof axis === 'number' ? axis : known[axis]));
  const input = new runtime.Tensor('float32', values.map((value) => value * stage.scale + stage.offset), shape);
  const found = await session.run({ [names.input]: input }).catch((cause: unknown) => {
    throw new MelstromError({ kind: 'engine', where: file, got: oneLine(cause), expected: `input '${names.input}' of shape [${shape.join(', ')}]`, fix: 'Correct the shape, the window or the names in the description.', cause });
  });
  const output = found[names.output];
  if (output === undefined || !(output.data instanceof Float32Array)) {
    throw new MelstromError({ kind: 'configuration', where: file, got: `output '${names.output}' of type ${output?.type ?? 'none'}`, expected: `float32, one of ${session.outputNames.join(', ')}` });
  }
  return { values: output.data, size: output.dims.at(-1) ?? 1 };
}

/** Whole windows only; frames too few for one are filled with zeros. */
async function runWindows({ values, size }: Frames, { frames: length, hop }: { readonly frames: number; readonly hop: number }, run: (frames: Frames) => Promise<Frames>): Promise<Frames> {
  const count = Math.max(1, 1 + Math.floor((values.length / size - length) / hop));
  const parts: Frames[] = [];
  for (let index = 0; index < count; index += 1) {
    const window = new Float32Array(length * size);
    window.set(values.subarray(index * hop * size, (index * hop + length) * size));
    parts.push(await run({ values: window, size }));
  }
  return { values: Float32Array.from(parts.flatMap((part) => [...part.values])), size: parts[0].size };
}

/** The runtime explains itself over several lines. */
function oneLine(cause: unknown): string {
  return messageOf(cause).replace(/\s+/g, ' ').trim();
}

function poolFrames({ values, size }: Frames, pool: OnnxEmbeddingConfig['pool'], path: string): Float64Array {
  const count = values.length / size;
  const mean = new Float64Array(size);
  values.forEach((value, index) => void (mean[index % size] += value / count));
  const bad = mean.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new MelstromError({ kind: 'numeric', where: path, got: `${mean[bad]} in value ${bad} of an embedding`, expected: 'finite values' });
  if (pool === 'mean') return mean;
  const variance = new Float64Array(size);
  values.forEach((value, index) => void (variance[index % size] += (value - mean[index % size]) ** 2 / count));
  return Float64Array.of(...mean, ...variance.map(Math.sqrt));
}

function describe({ sampleRateHz, noiseSigma, leastSeconds, stages, pool }: OnnxEmbeddingConfig, hashes: readonly string[]): string {
  const networks = stages.map(({ model, scale, offset, window }, index) => `${model} (SHA-256 ${hashes[index].slice(0, 16)}…; input × ${scale} + ${offset}${window === null ? '' : `; ${window.frames} frames at a time, ${window.hop} apart`})`);
  return `${networks.join(', then ')}; sound at ${sampleRateHz} Hz with white noise of σ ${noiseSigma}, at least ${leastSeconds} s; ${pool} over time`;
}
