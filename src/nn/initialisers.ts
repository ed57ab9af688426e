// First values of parameters, PyTorch's defaults. Drawn on the host, so they are the same on every engine.
import type { Random } from '../base/random.js';

/** Fills the values of one parameter. */
export type Initialiser = (count: number, random: Random) => Float32Array;

export const zeros: Initialiser = (count) => new Float32Array(count);

export const ones: Initialiser = (count) => new Float32Array(count).fill(1);

/** Uniform in ±1/√fanIn: PyTorch's default for weights and biases of convolutions and linear layers (Kaiming with a = √5). */
export function uniformByFanIn(fanIn: number): Initialiser {
  const bound = 1 / Math.sqrt(fanIn);
  return (count, random) => {
    const values = new Float32Array(count);
    for (let index = 0; index < count; index += 1) values[index] = bound * (random.uint32() / 2 ** 31 - 1);
    return values;
  };
}

/** Normal with mean 0. */
export function normal(deviation: number): Initialiser {
  return (count, random) => random.normals(count).map((value) => value * deviation);
}
