import { describe, expect, it } from 'vitest';
import { fadeFrom, fadeInto } from '../../src/audio/cross-fade.js';
import { expectClose } from '../support/close.js';

const shares = [1, 2, 3].map((step) => 0.5 + 0.5 * Math.cos((Math.PI * step) / 4));

describe('a cross-fade', () => {
  it('begins with the other sound and ends with the own one', () => {
    const samples = new Float32Array(6).fill(1);
    fadeFrom(new Float32Array(3).fill(3), samples, 2);
    expectClose(samples, [1, 1, ...shares.map((share) => 1 + 2 * share), 1], { absolute: 1e-6 });
  });

  it('goes the other way likewise', () => {
    const samples = new Float32Array(6).fill(1);
    fadeInto(new Float32Array(3).fill(3), samples, 2);
    expectClose(samples, [1, 1, ...shares.map((share) => 3 - 2 * share), 1], { absolute: 1e-6 });
  });

  it('changes nothing between a sound and itself, and with nothing to fade', () => {
    const own = Float32Array.from({ length: 5 }, (_, index) => 0.1 * index);
    const samples = own.slice();
    fadeFrom(own.subarray(1, 4), samples, 1);
    fadeInto(new Float32Array(0), samples, 5);
    expect(samples).toEqual(own);
  });
});
