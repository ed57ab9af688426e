// The AdamW optimiser with its state keyed by parameter path, so that it survives any reordering.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { adamwStep } from '../engine/ops/index.js';
import type { Gradients } from './gradients.js';
import { inGroups, type Parameter, type ParameterTree } from './parameters.js';

export interface AdamWOptions {
  /** Memory of the mean gradient, in [0, 1); default 0.9. */
  readonly beta1?: number;
  /** Memory of the mean squared gradient, in [0, 1); default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean square; default 1e-8. */
  readonly epsilon?: number;
  /** Share of each weight taken away per step and unit of learning rate; default 0.01. */
  readonly weightDecay?: number;
}

export interface AdamW {
  /** Steps taken. */
  readonly stepCount: number;
  /**
   * Moves every parameter that has a gradient. Gradients come by path, or as a list in the order of `tree.trainable()`.
   * Each is multiplied by gradientScale (default 1) first: clipping and accumulation go in there.
   *
   * Memory: the gradients stay the caller's.
   */
  step(gradients: Gradients | readonly tf.Tensor[], learningRate: number, gradientScale?: number): void;
  /** Everything needed to go on exactly: `step`, `first/<path>` and `second/<path>`. */
  state(): Map<string, Float32Array>;
  /** @throws MelstromError of kind 'checkpoint' when names or sizes do not fit. */
  restore(state: ReadonlyMap<string, Float32Array>): void;
  dispose(): void;
}

interface Moments {
  first: tf.Tensor;
  second: tf.Tensor;
}

/**
 * Creates the optimiser of a tree's trainable parameters, with PyTorch's semantics: every parameter decays.
 *
 * Memory: holds two tensors per parameter until disposed of.
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); torch.optim.AdamW.
 */
export function createAdamW(tree: ParameterTree, options: AdamWOptions = {}): AdamW {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options;
  const parameters = tree.trainable();
  const moments = new Map<string, Moments>();
  for (const { path, variable } of parameters) moments.set(path, { first: tf.zeros(variable.shape), second: tf.zeros(variable.shape) });
  let stepCount = 0;

  const momentsOf = ({ path }: Parameter): Moments => moments.get(path)!;

  return {
    get stepCount() {
      return stepCount;
    },
    step(gradients, learningRate, gradientScale = 1) {
      const byPath = gradientsByPath(gradients, parameters);
      const moved = parameters.filter(({ path }) => byPath.has(path));
      stepCount += 1;
      for (const group of inGroups(moved)) {
        const result = adamwStep(
          {
            parameters: group.map(({ variable }) => variable),
            gradients: group.map(({ path }) => byPath.get(path)!),
            firstMoments: group.map((parameter) => momentsOf(parameter).first),
            secondMoments: group.map((parameter) => momentsOf(parameter).second),
          },
          { learningRate, beta1, beta2, epsilon, weightDecay, step: stepCount, gradientScale },
        );
        group.forEach((parameter, index) => {
          const kept = momentsOf(parameter);
          kept.first.dispose();
          kept.second.dispose();
          kept.first = tf.keep(result.firstMoments[index]);
          kept.second = tf.keep(result.secondMoments[index]);
          parameter.variable.assign(result.parameters[index]);
          result.parameters[index].dispose();
        });
      }
    },
    state() {
      const state = new Map([['step', Float32Array.of(stepCount)]]);
      for (const [path, { first, second }] of moments) {
        state.set(`first/${path}`, Float32Array.from(first.dataSync<'float32'>()));
        state.set(`second/${path}`, Float32Array.from(second.dataSync<'float32'>()));
      }
      return state;
    },
    restore(state) {
      checkState(state, parameters);
      stepCount = state.get('step')![0];
      for (const { path, variable } of parameters) {
        const kept = moments.get(path)!;
        kept.first.dispose();
        kept.second.dispose();
        kept.first = tf.keep(tf.tensor(state.get(`first/${path}`)!.slice(), variable.shape));
        kept.second = tf.keep(tf.tensor(state.get(`second/${path}`)!.slice(), variable.shape));
      }
    },
    dispose() {
      for (const { first, second } of moments.values()) tf.dispose([first, second]);
      moments.clear();
    },
  };
}

function gradientsByPath(gradients: Gradients | readonly tf.Tensor[], parameters: readonly Parameter[]): Gradients {
  if (!Array.isArray(gradients)) return gradients as Gradients;
  if (gradients.length !== parameters.length) {
    throw new MelstromError({ kind: 'internal', where: 'adamw', got: `${gradients.length} gradients`, expected: `${parameters.length}, one per trainable parameter` });
  }
  return new Map(parameters.map(({ path }, index) => [path, (gradients as readonly tf.Tensor[])[index]]));
}

function checkState(state: ReadonlyMap<string, Float32Array>, parameters: readonly Parameter[]): void {
  const expected = new Map([['step', 1]]);
  for (const { path, variable } of parameters) {
    expected.set(`first/${path}`, variable.size);
    expected.set(`second/${path}`, variable.size);
  }
  const wrong = [...expected].filter(([name, size]) => state.get(name)?.length !== size).map(([name]) => name);
  const unexpected = [...state.keys()].filter((name) => !expected.has(name));
  if (wrong.length + unexpected.length === 0) return;
  throw new MelstromError({
    kind: 'checkpoint',
    where: 'optimiser state',
    got: `missing or misshapen: ${wrong.slice(0, 10).join(', ') || 'nothing'}; unexpected: ${unexpected.slice(0, 10).join(', ') || 'nothing'}`,
    expected: 'the state of this network',
  });
}
