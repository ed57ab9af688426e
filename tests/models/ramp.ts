// The sine ramp that fills weights and inputs on both sides of a parity test. fixtures/generate.py has the other copy.
import type { HostTensor } from '../../src/nn/index.js';

/** Values in [-1, 1] whose phase and step depend on the name. */
export function ramp(name: string, count: number): Float64Array {
  let key = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) key = Math.imul(key ^ byte, 0x01000193) >>> 0;
  const phase = (key % 1000) / 100;
  const step = 1.1 + ((key >>> 10) % 1000) / 1000;
  return Float64Array.from({ length: count }, (_, index) => Math.sin(phase + step * index));
}

/** The value of a parameter, in the reference's layout. */
export function rampWeight(name: string, shape: readonly number[]): HostTensor {
  const values = ramp(name, shape.reduce((product, size) => product * size, 1));
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  const scale = (value: number): number => {
    if (shape.length > 1) return (value * 1.5) / Math.sqrt(fanIn);
    return name.endsWith('weight') ? 1 + 0.3 * value : 0.1 * value;
  };
  return { shape, data: Float32Array.from(values, scale) };
}

/** A ramp of the given shape. */
export function rampTensor(name: string, shape: readonly number[]): HostTensor {
  return { shape, data: Float32Array.from(ramp(name, shape.reduce((product, size) => product * size, 1))) };
}
