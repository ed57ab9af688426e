// An exponential moving average of a network's parameters: what validation, previews and generation use.
import * as tf from '@tensorflow/tfjs';
import { requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { emaStep } from '../engine/ops/index.js';
import { inGroups, type ParameterTree } from './parameters.js';

export interface Ema {
  /** Takes the parameters of this step in; steps count from 0. */
  update(step: number): void;
  /** The averages by path. Memory: they stay the average's, valid until the next update. */
  values(): ReadonlyMap<string, tf.Tensor>;
  /** Runs `body` with the averages in place of the parameters, and puts the parameters back whatever happens. */
  withEma<T>(body: () => T): T;
  /** Puts the averages in place of the parameters, until `swapOut`. Updates are refused in between. */
  swapIn(): void;
  swapOut(): void;
  state(): Map<string, Float32Array>;
  /** @throws MelstromError of kind 'checkpoint' when names or sizes do not fit. */
  restore(state: ReadonlyMap<string, Float32Array>): void;
  dispose(): void;
}

/** Warm-up: early averages follow the parameters, later ones remember `decay` of themselves. */
export function emaDecayAt(step: number, decay: number): number {
  return Math.min(decay, (1 + step) / (10 + step));
}

/**
 * Creates the average of a tree's trainable parameters, starting at their values.
 *
 * @param decay share that stays at each step, in [0, 1); nearer to 1 is smoother and slower
 * Memory: holds one tensor per parameter until disposed of.
 */
export function createEma(tree: ParameterTree, decay: number): Ema {
  requireNumber('ema: decay', decay, { min: 0, max: 1 });
  const parameters = tree.trainable();
  const averages = new Map(parameters.map(({ path, variable }) => [path, copy(variable)]));
  let originals: Map<string, tf.Tensor> | null = null;

  const swapIn = (): void => {
    if (originals !== null) throw misuse('swapIn while already swapped in');
    originals = new Map(parameters.map(({ path, variable }) => [path, copy(variable)]));
    for (const { path, variable } of parameters) variable.assign(averages.get(path)!);
  };
  const swapOut = (): void => {
    if (originals === null) throw misuse('swapOut without swapIn');
    for (const { path, variable } of parameters) {
      const original = originals.get(path)!;
      variable.assign(original);
      original.dispose();
    }
    originals = null;
  };

  return {
    update(step) {
      if (originals !== null) throw misuse('update while swapped in');
      for (const group of inGroups(parameters)) {
        const next = emaStep(
          group.map(({ path }) => averages.get(path)!),
          group.map(({ variable }) => variable),
          emaDecayAt(step, decay),
        );
        group.forEach(({ path }, index) => {
          averages.get(path)!.dispose();
          averages.set(path, tf.keep(next[index]));
        });
      }
    },
    values: () => averages,
    withEma(body) {
      swapIn();
      let result;
      try {
        result = body();
      } catch (error) {
        swapOut();
        throw error;
      }
      if (result instanceof Promise) return result.finally(swapOut) as typeof result;
      swapOut();
      return result;
    },
    swapIn,
    swapOut,
    state: () => new Map([...averages].map(([path, tensor]) => [path, Float32Array.from(tensor.dataSync<'float32'>())])),
    restore(state) {
      const wrong = parameters.filter(({ path, variable }) => state.get(path)?.length !== variable.size).map(({ path }) => path);
      const unexpected = [...state.keys()].filter((path) => !averages.has(path));
      if (wrong.length + unexpected.length > 0) {
        throw new MelstromError({
          kind: 'checkpoint',
          where: 'average of the weights',
          got: `missing or misshapen: ${wrong.slice(0, 10).join(', ') || 'nothing'}; unexpected: ${unexpected.slice(0, 10).join(', ') || 'nothing'}`,
          expected: 'the state of this network',
        });
      }
      for (const { path, variable } of parameters) {
        averages.get(path)!.dispose();
        averages.set(path, tf.keep(tf.tensor(state.get(path)!.slice(), variable.shape)));
      }
    },
    dispose() {
      if (originals !== null) swapOut();
      for (const tensor of averages.values()) tensor.dispose();
      averages.clear();
    },
  };
}

function copy(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(tf.clone(tensor));
}

function misuse(got: string): MelstromError {
  return new MelstromError({ kind: 'internal', where: 'ema', got });
}
