import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createEma, emaDecayAt, ParameterTree, toReference } from '../../src/nn/index.js';
import { uniformByFanIn } from '../../src/nn/initialisers.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

function createTree(): ParameterTree {
  const tree = new ParameterTree(3);
  tree.add('weight', { shape: [2, 3], layout: 'linear', initialise: uniformByFanIn(2) });
  tree.add('fixed', { shape: [2], layout: 'plain', initialise: uniformByFanIn(1), isTrainable: false });
  return tree;
}

function setTo(tree: ParameterTree, value: number): void {
  const tensor = tf.tidy(() => tf.mul(tf.ones([2, 3]), value));
  tree.get('weight').variable.assign(tensor);
  tensor.dispose();
}

describe('average of the weights', () => {
  it('warms up to its decay', () => {
    expectClose([0, 1, 90, 1_000_000].map((step) => emaDecayAt(step, 0.99)), [0.1, 2 / 11, 0.91, 0.99], { relative: 1e-12 });
  });

  it('follows the recursion', () => {
    const tree = createTree();
    setTo(tree, 1);
    const ema = createEma(tree, 0.5);
    let expected = 1;
    for (let step = 0; step < 20; step += 1) {
      setTo(tree, step);
      ema.update(step);
      const decay = Math.min(0.5, (1 + step) / (10 + step));
      expected = decay * expected + (1 - decay) * step;
    }
    expectClose(ema.values().get('weight')!.dataSync(), Array(6).fill(expected) as number[], { relative: 1e-6 });
    expect(ema.values().has('fixed')).toBe(false);
    ema.dispose();
    tree.dispose();
  });

  it('lends its values and gives the parameters back unchanged, whatever happens', async () => {
    const tree = createTree();
    const own = toReference(tree);
    const ema = createEma(tree, 0.5);
    setTo(tree, 5);
    const trained = toReference(tree);
    ema.withEma(() => expect(toReference(tree)).toEqual(own));
    expect(toReference(tree)).toEqual(trained);
    expect(() => ema.withEma(() => { throw new Error('from the body'); })).toThrow('from the body');
    expect(toReference(tree)).toEqual(trained);
    await ema.withEma(async () => {
      await Promise.resolve();
      expect(toReference(tree)).toEqual(own);
    });
    expect(toReference(tree)).toEqual(trained);
    expect(toReference(tree, ema.values())).toEqual(own);
    ema.dispose();
    tree.dispose();
  });

  it('refuses an update while it is lent, and a state of another network', () => {
    const tree = createTree();
    const ema = createEma(tree, 0.5);
    ema.swapIn();
    expect(() => ema.update(0)).toThrow('swapped in');
    expect(() => ema.swapIn()).toThrow('already');
    ema.swapOut();
    expect(() => ema.swapOut()).toThrow('without');
    expect(() => ema.restore(new Map([['other', new Float32Array(6)]]))).toThrow(/misshapen: weight; unexpected: other/);
    expect(() => createEma(tree, 1.5)).toThrow('ema: decay');
    ema.dispose();
    tree.dispose();
  });

  it('restores its state exactly and keeps no tensor of an update', () => {
    const tree = createTree();
    const ema = createEma(tree, 0.9);
    setTo(tree, 2);
    ema.update(7);
    const other = createEma(tree, 0.9);
    other.restore(ema.state());
    ema.update(8);
    other.update(8);
    expect(other.state()).toEqual(ema.state());
    const before = tf.memory().numTensors;
    ema.update(9);
    ema.withEma(() => undefined);
    expect(tf.memory().numTensors).toBe(before);
    for (const item of [ema, other, tree]) item.dispose();
  });
});
