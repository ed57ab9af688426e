// A trainer's state as checkpoint files and back, exact to the bit. Knows names and bytes, no disk.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { decodeSafetensors, encodeSafetensors, type AdamW, type Ema, type HostTensor, type ParameterTree } from '../nn/index.js';
import type { Stage } from './stage.js';

/** What the loop moves: a network, its optimiser and the average of its weights. */
export interface Trainer {
  readonly stage: Stage;
  readonly optimiser: AdamW;
  readonly ema: Ema;
}

/** File names inside a checkpoint. Values lie as they do in memory here, not in the reference's layout: the pipeline folder has that. */
export const STATE_FILES = { weights: 'weights.safetensors', ema: 'ema.safetensors', optimiser: 'optimiser.safetensors', extra: 'extra.safetensors' } as const;

/** Reads everything out; nothing of the trainer changes. */
export function captureTrainer({ stage, optimiser, ema }: Trainer): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([
    [STATE_FILES.weights, encodeSafetensors(captureParameters(stage.parameters))],
    [STATE_FILES.ema, encodeSafetensors(flat(ema.state()))],
    [STATE_FILES.optimiser, encodeSafetensors(flat(optimiser.state()))],
  ]);
  if (stage.extraState) files.set(STATE_FILES.extra, encodeSafetensors(stage.extraState()));
  return files;
}

/** Puts everything back. @throws MelstromError (checkpoint) when a file or a tensor is missing or does not fit. */
export function restoreTrainer({ stage, optimiser, ema }: Trainer, files: ReadonlyMap<string, Uint8Array>, where: string): void {
  restoreParameters(stage.parameters, readTensors(files, STATE_FILES.weights, where), `${where}/${STATE_FILES.weights}`);
  ema.restore(unflat(readTensors(files, STATE_FILES.ema, where)));
  optimiser.restore(unflat(readTensors(files, STATE_FILES.optimiser, where)));
  if (stage.restoreExtra) stage.restoreExtra(readTensors(files, STATE_FILES.extra, where));
}

/** The averages of a checkpoint, by path. */
export function readTensors(files: ReadonlyMap<string, Uint8Array>, name: string, where: string): Map<string, HostTensor> {
  const bytes = files.get(name);
  if (bytes === undefined) {
    throw new MelstromError({ kind: 'checkpoint', where: `${where}/${name}`, got: 'no such file in this checkpoint', fix: 'It was made with other settings; train anew into another run folder.' });
  }
  return decodeSafetensors(bytes, `${where}/${name}`);
}

/** Values of all parameters, in the layout of memory. */
export function captureParameters(tree: ParameterTree): Map<string, HostTensor> {
  return new Map(tree.list().map(({ path, variable }) => [path, { shape: variable.shape, data: Float32Array.from(variable.dataSync<'float32'>()) }]));
}

/** Mutates: tree. @throws MelstromError (checkpoint) when a name is missing or a size differs. */
export function restoreParameters(tree: ParameterTree, tensors: ReadonlyMap<string, HostTensor>, where: string): void {
  const wrong = tree.list().filter(({ path, variable }) => tensors.get(path)?.data.length !== variable.size).map(({ path }) => path);
  if (wrong.length > 0 || tensors.size !== tree.list().length) {
    throw new MelstromError({ kind: 'checkpoint', where, got: `${tensors.size} tensors; missing or misshapen: ${wrong.slice(0, 10).join(', ') || 'none'}`, expected: `the ${tree.list().length} of this network` });
  }
  for (const { path, variable } of tree.list()) {
    const value = tf.tensor(tensors.get(path)!.data.slice(), variable.shape, 'float32');
    variable.assign(value);
    value.dispose();
  }
}

/** Arrays as tensors of one axis. */
export function flat(state: ReadonlyMap<string, Float32Array>, prefix = ''): Map<string, HostTensor> {
  return new Map([...state].map(([name, data]) => [prefix + name, { shape: [data.length], data }]));
}

/** Tensors as arrays; those whose name has the prefix, without it. */
export function unflat(tensors: ReadonlyMap<string, HostTensor>, prefix = ''): Map<string, Float32Array> {
  return new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, { data }]) => [name.slice(prefix.length), data]));
}
