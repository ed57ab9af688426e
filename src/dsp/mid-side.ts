// Left and right as mid and side, and back.
import { requireShape } from '../base/checks.js';

/** Mid (left + right) / 2, side (left - right) / 2. Its own inverse but for the halving: see leftRight. Shape: [T] twice -> [T] twice. */
export function midSide(left: Float32Array, right: Float32Array): [mid: Float32Array, side: Float32Array] {
  requireShape('midSide', [right.length], [left.length]);
  return [left.map((value, index) => (value + right[index]) / 2), left.map((value, index) => (value - right[index]) / 2)];
}

/** Left mid + side, right mid - side. Shape: [T] twice -> [T] twice. */
export function leftRight(mid: Float32Array, side: Float32Array): [left: Float32Array, right: Float32Array] {
  requireShape('leftRight', [side.length], [mid.length]);
  return [mid.map((value, index) => value + side[index]), mid.map((value, index) => value - side[index])];
}
