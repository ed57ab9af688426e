// Functions that are issued from notes: the same bits, nothing left behind, and the function itself wherever notes would not do.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { replaceBinding, requireTensorflow, type Binding } from '../../src/engine/ops/native-kernels.js';
import { silu } from '../../src/engine/ops/index.js';
import { repeated, type NamedTensors, type Repeated } from '../../src/engine/repeated.js';
import { startTestEngine } from '../support/engine.js';

const { name: engine } = await startTestEngine();

const onTensorflow = describe.skipIf(engine !== 'tensorflow');
const made: tf.Tensor[] = [];
afterEach(() => tf.dispose(made.splice(0)));

function row(...values: number[]): tf.Tensor1D {
  const tensor = tf.tensor1d(values);
  made.push(tensor);
  return tensor;
}

/** A function of one result. */
function repeat(body: (inputs: NamedTensors) => tf.Tensor, reads: readonly tf.Tensor[] = []): Repeated<tf.Tensor> {
  return repeated((inputs) => tf.tidy(() => body(inputs)), (result) => ({ tensors: [result], rebuild: ([tensor]) => tensor }), { reads });
}

/** Calls it with each row in turn: the results, and what stood in the way of notes. */
function callWith(fn: Repeated<tf.Tensor>, rows: readonly (readonly number[])[]): { results: number[][]; obstacles: (string | null)[] } {
  const [results, obstacles]: [number[][], (string | null)[]] = [[], []];
  for (const values of rows) {
    const result = fn({ x: row(...values) });
    results.push([...result.dataSync()]);
    obstacles.push(fn.obstacle);
    result.dispose();
  }
  return { results, obstacles };
}

const ROWS = [[1, 2], [3, -4], [0.5, 8], [-1, 0]];
const NOTED = 'it is being noted';

/** Counts the handles that are made and freed while `body` runs. */
function handlesLeft(body: () => void): number {
  let left = 0;
  const restore = replaceBinding(requireTensorflow() as { binding: Binding }, (binding) => ({
    executeOp: (name, attributes, ids, count) => {
      const outputs = binding.executeOp(name, attributes, ids, count);
      left += outputs.length;
      return outputs;
    },
    createTensor: (...parts) => {
      left += 1;
      return binding.createTensor(...parts);
    },
    deleteTensor: (id) => {
      left -= 1;
      binding.deleteTensor(id);
    },
  }));
  try {
    body();
  } finally {
    restore();
  }
  return left;
}

describe('a repeated function', () => {
  it('gives what the function gives', () => {
    const body = ({ x }: NamedTensors): tf.Tensor => tf.reshape(tf.sum(tf.mul(silu(x), [2, 3]), 0, true), [1, 1]);
    const expected = ROWS.map((values) => [...tf.tidy(() => body({ x: tf.tensor1d(values) })).dataSync()]);
    expect(callWith(repeat(body), ROWS).results).toEqual(expected);
  });

  it('inside a gradient is the function itself', () => {
    const square = repeat(({ x }) => tf.square(x));
    callWith(square, ROWS);
    const slope = tf.grad((x) => square({ x }))(row(3, 5));
    made.push(slope);
    expect([...slope.dataSync()]).toEqual([6, 10]);
    expect(square.obstacle).not.toBeNull();
  });
});

onTensorflow('on the tensorflow engine', () => {
  it('is issued from notes from the third call on', () => {
    const { obstacles } = callWith(repeat(({ x }) => tf.add(tf.mul(x, 2), [1, 1])), ROWS);
    expect(obstacles).toEqual([NOTED, NOTED, null, null]);
  });

  it('reads weights anew at each call, whatever has replaced them', () => {
    const weight = tf.variable(row(1, 1));
    const scale = repeat(({ x }) => tf.mul(x, weight), [weight]);
    callWith(scale, ROWS);
    weight.assign(row(10, 100));
    expect(callWith(scale, [[1, 2]])).toEqual({ results: [[10, 200]], obstacles: [null] });
    weight.dispose();
  });

  it('keeps notes for several sets of shapes, and not for ever more', () => {
    const negate = repeat(({ x }) => tf.neg(x));
    const lengths = [1, 2, 3, 4, 5];
    const rows = [1, 2, 3].flatMap(() => lengths.map((length) => Array.from({ length }, () => length)));
    const { results, obstacles } = callWith(negate, rows);
    expect(results).toEqual(rows.map((values) => values.map((value) => -value)));
    expect(obstacles.slice(10)).toEqual([null, null, null, null, 'more than 4 sets of shapes']);
  });

  it('leaves no handle but its result', () => {
    const chain = repeat(({ x }) => tf.split(tf.concat([tf.exp(x), tf.neg(x), tf.exp(x)]), 3)[1]);
    callWith(chain, ROWS);
    const x = row(1, 2);
    tf.square(x).dispose(); // brings it to the engine
    let result: tf.Tensor;
    expect(handlesLeft(() => (result = chain({ x })))).toBe(1);
    expect(chain.obstacle).toBeNull();
    result!.dispose();
  });

  it('gives results of their own where a result is an input, a constant, or another result', () => {
    const several = repeated(({ x }: NamedTensors) => {
      const sum = tf.add(x, 1);
      return [sum, tf.clone(sum), tf.clone(x), tf.tensor1d([7])];
    }, (tensors) => ({ tensors, rebuild: (rebuilt) => [...rebuilt] }), { reads: [] });
    for (let time = 0; time < 4; time += 1) {
      const x = tf.tensor1d([time]);
      const results = several({ x });
      x.dispose();
      for (const expected of [time + 1, time + 1, time, 7]) {
        const result = results.shift()!;
        expect(result.dataSync()[0]).toBe(expected);
        result.dispose(); // and takes nothing away from the others, nor from the next call
      }
    }
    expect(several.obstacle).toBeNull();
  });

  it('frees everything when an operation fails, and goes on afterwards', () => {
    const place = repeated(({ x, index }: NamedTensors) => tf.tidy(() => tf.scatterND(index as tf.Tensor2D, tf.exp(x), [2])), (result) => ({ tensors: [result], rebuild: ([tensor]) => tensor }), { reads: [] });
    const inputsFor = (index: number): NamedTensors => {
      const inputs = { x: row(0), index: tf.tensor2d([[index]], [1, 1], 'int32') };
      made.push(inputs.index);
      tf.dispose([tf.neg(inputs.x), tf.neg(inputs.index)]); // brings them to the engine
      return inputs;
    };
    const placed = (index: number): number[] => {
      const result = place(inputsFor(index));
      made.push(result);
      return [...result.dataSync()];
    };
    for (let time = 0; time < 3; time += 1) expect(placed(0)).toEqual([1, 0]);
    expect(place.obstacle).toBeNull();
    const outside = inputsFor(5);
    expect(handlesLeft(() => expect(() => place(outside)).toThrow(/5/))).toBe(0);
    expect(placed(1)).toEqual([0, 1]);
  });
});

onTensorflow('what cannot be issued from notes is called as it is:', () => {
  const expectCalled = (body: (inputs: NamedTensors) => tf.Tensor, obstacle: RegExp): void => {
    const fn = repeat(body);
    const { results, obstacles } = callWith(fn, ROWS);
    expect(results).toEqual(ROWS.map((values) => [...tf.tidy(() => body({ x: tf.tensor1d(values) })).dataSync()]));
    expect(obstacles[3]).toMatch(obstacle);
  };

  it('a function that reads a result back', () => {
    expectCalled(({ x }) => tf.mul(x, tf.max(x).dataSync()[0]), /reads a result back/);
  });

  it('a function that takes a tensor on the engine from elsewhere', () => {
    const elsewhere = row(5, 6);
    tf.neg(elsewhere).dispose();
    expectCalled(({ x }) => tf.add(x, elsewhere), /not among its inputs/);
  });

  it('a function that takes values on the host from elsewhere', () => {
    const elsewhere = row(5, 6);
    expectCalled(({ x }) => tf.add(x, elsewhere), /not among its inputs/);
  });

  it('a function that brings other values each time', () => {
    let calls = 0;
    const results = callWith(repeat(({ x }) => tf.add(x, [calls++, 0])), ROWS).results;
    expect(results.map(([first], index) => first - ROWS[index][0])).toEqual([0, 1, 2, 3]);
  });

  it('a function that decides by a count of its own', () => {
    let calls = 0;
    const results = callWith(repeat(({ x }) => (calls++ % 2 === 0 ? tf.neg(x) : tf.clone(x))), ROWS).results;
    expect(results.map(([first], index) => first / ROWS[index][0])).toEqual([-1, 1, -1, 1]);
  });

  it('a function of the same tensor twice', () => {
    const add = repeat(({ x, y }) => tf.add(x, y));
    const [a, b] = [row(1), row(10)];
    for (let time = 0; time < 3; time += 1) made.push(add({ x: a, y: a }));
    const sum = add({ x: a, y: b });
    made.push(sum);
    expect(sum.dataSync()[0]).toBe(11);
  });
});
