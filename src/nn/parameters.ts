// The parameters of a network, named by the paths of the reference implementation. Knows no layer.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { createRandom } from '../base/random.js';
import type { Initialiser } from './initialisers.js';

/** How values lie: conv is [kh, kw, in, out] here and [out, in, kh, kw] in files; conv1d [k, in, out] and [out, in, k]; linear [in, out] and [out, in]; plain the same in both. */
export type ParameterLayout = 'conv' | 'conv1d' | 'linear' | 'plain';

export interface Parameter {
  /** Name in the reference, such as `encoder.conv_in.weight`. */
  readonly path: string;
  readonly variable: tf.Variable;
  readonly layout: ParameterLayout;
}

/** What a new parameter is made of. */
export interface ParameterSpec {
  /** Shape here, not in files. */
  readonly shape: readonly number[];
  readonly layout: ParameterLayout;
  readonly initialise: Initialiser;
  /** False for fixed values that are stored with the weights; default true. */
  readonly isTrainable?: boolean;
}

/**
 * All parameters of one network, in the order of their creation.
 *
 * Memory: owns its variables; `dispose` frees them.
 */
export class ParameterTree {
  readonly #parameters = new Map<string, Parameter>();
  readonly #seed: number | null;

  /** @param seed selects the first values, together with each path; null leaves zeros, for weights that are loaded next. */
  constructor(seed: number | null) {
    this.#seed = seed;
  }

  /** Creates a parameter. @throws MelstromError when the path is taken. */
  add(path: string, { shape, layout, initialise, isTrainable = true }: ParameterSpec): Parameter {
    if (this.#parameters.has(path)) throw new MelstromError({ kind: 'internal', where: path, got: 'a second parameter of this name' });
    const count = shape.reduce((product, size) => product * size, 1);
    const values = this.#seed === null ? new Float32Array(count) : initialise(count, createRandom(this.#seed, 'parameter', path));
    const first = tf.tensor(values, [...shape], 'float32');
    const variable = tf.variable(first, isTrainable);
    first.dispose();
    const parameter: Parameter = Object.freeze({ path, variable, layout });
    this.#parameters.set(path, parameter);
    return parameter;
  }

  list(): readonly Parameter[] {
    return [...this.#parameters.values()];
  }

  /** Those that an optimiser moves. */
  trainable(): readonly Parameter[] {
    return this.list().filter(({ variable }) => variable.trainable);
  }

  has(path: string): boolean {
    return this.#parameters.has(path);
  }

  /** @throws MelstromError when there is no such parameter. */
  get(path: string): Parameter {
    const parameter = this.#parameters.get(path);
    if (parameter === undefined) throw new MelstromError({ kind: 'internal', where: path, got: 'no parameter of this name' });
    return parameter;
  }

  /** Number of values in all parameters together. */
  get count(): number {
    return this.list().reduce((sum, { variable }) => sum + variable.size, 0);
  }

  dispose(): void {
    for (const { variable } of this.#parameters.values()) variable.dispose();
    this.#parameters.clear();
  }
}

/** Values of a group, unless one parameter alone has more. */
const GROUP_VALUES = 2 ** 21;

/**
 * Neighbours taken together, for what replaces every parameter by a new tensor: old and new of one group only are there at a time, so that
 * memory for a second network is not needed.
 */
export function inGroups(parameters: readonly Parameter[]): Parameter[][] {
  const groups: Parameter[][] = [];
  let values = Infinity;
  for (const parameter of parameters) {
    const { size } = parameter.variable;
    if (values + size > GROUP_VALUES) {
      groups.push([]);
      values = 0;
    }
    groups[groups.length - 1].push(parameter);
    values += size;
  }
  return groups;
}

/** A place in a parameter tree, under which layers put their parameters. */
export interface ParameterScope {
  /** The scope one or more names below: `scope.at('resnets', 0)`. */
  at(...names: readonly (string | number)[]): ParameterScope;
  add(name: string, spec: ParameterSpec): tf.Variable;
}

/** The scope at a path of the tree; the empty path is its root. */
export function scopeOf(tree: ParameterTree, path = ''): ParameterScope {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  return {
    at: (...names) => scopeOf(tree, below(names.join('.'))),
    add: (name, spec) => tree.add(below(name), spec).variable,
  };
}
