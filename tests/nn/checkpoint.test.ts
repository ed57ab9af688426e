// Parts that are run again for their gradient: the same numbers to the last bit, less kept, and nothing left behind.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkpointed, withCheckpoints } from '../../src/nn/checkpoint.js';
import { disposeGradients, ParameterTree, scopeOf, valueAndGradients } from '../../src/nn/index.js';
import { normal } from '../../src/nn/initialisers.js';
import { useEngine } from '../support/engine.js';

useEngine();

interface Seen {
  readonly shift: tf.Tensor1D | null;
  readonly factor?: tf.Tensor1D;
}

const WIDTH = 6;
const trees: ParameterTree[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) tree.dispose();
});

/** Two parts in a row, the second of which also gets the first's input, as a skip connection does. */
function createChain() {
  const tree = new ParameterTree(4);
  trees.push(tree);
  let runs = 0;
  const createPart = (name: string) =>
    checkpointed<tf.Tensor2D, Seen>(scopeOf(tree, name), ['shift', 'factor'], (scope) => {
      const weight = scope.at('inner').add('weight', { shape: [WIDTH, WIDTH], layout: 'linear', initialise: normal(0.5) }) as unknown as tf.Tensor2D;
      scope.add('fixed', { shape: [WIDTH], layout: 'plain', initialise: normal(1), isTrainable: false });
      return (x, { shift, factor }) => {
        runs += 1;
        const hidden = tf.tanh(tf.matMul(x, weight));
        const shifted = shift === null ? hidden : tf.add(tf.mul(hidden, shift), shift);
        return tf.add(factor === undefined ? shifted : tf.mul(shifted, factor), x); // x is used twice
      };
    });
  const [first, second] = [createPart('first'), createPart('second')];
  const forward = (x: tf.Tensor2D, context: Seen): tf.Tensor2D => {
    const entered = tf.mul<tf.Tensor2D>(x, 1.3);
    return tf.add(second(tf.add(first(entered, context), entered), context), entered);
  };
  return { tree, forward, runs: () => runs };
}

const input = (): tf.Tensor2D => tf.tensor2d(Float32Array.from({ length: 4 * WIDTH }, (_, index) => Math.sin(index)), [4, WIDTH]);

/** Value and gradients as numbers. */
function learn({ tree, forward }: ReturnType<typeof createChain>, context: (shift: tf.Variable) => Seen, gradientCheckpointing: boolean): Record<string, Float32Array> {
  const start = tf.linspace(-1, 2, WIDTH);
  const shift = tf.variable(start);
  const x = input();
  const parameters = [...tree.trainable(), { path: 'shift', variable: shift, layout: 'plain' as const }];
  const { value, gradients } = valueAndGradients(parameters, () => tf.sum(tf.square(forward(x, context(shift)))) as tf.Scalar, { gradientCheckpointing });
  const read = Object.fromEntries([['value', value.dataSync<'float32'>().slice()], ...[...gradients].map(([path, gradient]) => [path, gradient.dataSync<'float32'>().slice()] as const)]) as Record<string, Float32Array>;
  disposeGradients(gradients);
  tf.dispose([value, x, start, shift]);
  return read;
}

describe('checkpointed', () => {
  it.each([
    ['alone', () => ({ shift: null })],
    ['with a context that learns', (shift: tf.Variable) => ({ shift: shift as unknown as tf.Tensor1D })],
    ['with all of a context', (shift: tf.Variable) => ({ shift: shift as unknown as tf.Tensor1D, factor: tf.linspace(1, 2, WIDTH) })],
  ] as const)('gives the same value and gradients to the last bit, %s, and leaves nothing', (_, context) => {
    const chain = createChain();
    const plain = learn(chain, context, false);
    const before = tf.memory().numTensors;
    expect(learn(chain, context, true)).toEqual(plain);
    expect(tf.memory().numTensors).toBe(before);
    expect(Object.keys(plain)).toEqual(expect.arrayContaining(['value', 'first.inner.weight', 'second.inner.weight']));
    for (const values of Object.values(plain)) expect(values.some((value) => value !== 0)).toBe(true);
  });

  it('runs each part a second time, and only when asked to', () => {
    const chain = createChain();
    learn(chain, () => ({ shift: null }), false);
    expect(chain.runs()).toBe(2);
    learn(chain, () => ({ shift: null }), true);
    expect(chain.runs()).toBe(2 + 4);
  });

  it('is over when the body is, even when that fails', () => {
    const chain = createChain();
    const x = input();
    expect(() => withCheckpoints(true, () => { throw new Error('inside'); })).toThrow('inside');
    expect(withCheckpoints(false, () => 5)).toBe(5);
    tf.tidy(() => chain.forward(x, { shift: null }));
    learn(chain, () => ({ shift: null }), false);
    expect(chain.runs()).toBe(4);
    x.dispose();
  });

  it('names a parameter that has no part in the result, and leaves the engine fit for the next gradient', () => {
    const tree = new ParameterTree(1);
    trees.push(tree);
    const part = checkpointed<tf.Tensor2D, object>(scopeOf(tree), [], (scope) => {
      const used = scope.add('used', { shape: [WIDTH], layout: 'plain', initialise: normal(1) });
      scope.add('idle', { shape: [WIDTH], layout: 'plain', initialise: normal(1) });
      return (x) => tf.mul(x, used);
    });
    const x = input();
    const run = () => valueAndGradients(tree, () => tf.sum(part(x, {})) as tf.Scalar, { gradientCheckpointing: true });
    expect(run).toThrow('checkpointed: got no gradient of input 2');
    x.dispose();
    const chain = createChain();
    expect(learn(chain, () => ({ shift: null }), true)).toEqual(learn(chain, () => ({ shift: null }), false));
  });
});
