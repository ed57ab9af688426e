// Between two draws of noise, along the sphere on which such draws lie.
import { requireShape } from '../base/checks.js';

/** Below this sine of the angle the two point the same way, or opposite ways, and a straight line serves. */
const SMALLEST_SINE = 1e-6;

/**
 * Spherical interpolation: the direction turns evenly from a to b, and the length goes evenly from the one to the other, so that what
 * lies between two draws of unit normal noise is as likely a draw. At 0 and 1 it is a and b themselves, bit for bit.
 *
 * @param share from 0, which is a, to 1, which is b
 * Source: Shoemake, "Animating rotation with quaternion curves" (1985), in any number of dimensions.
 */
export function slerp(a: Float32Array, b: Float32Array, share: number): Float32Array {
  requireShape('slerp', [b.length], [a.length]);
  if (share === 0) return a.slice();
  if (share === 1) return b.slice();
  const [lengthOfA, lengthOfB] = [lengthOf(a), lengthOf(b)];
  const wanted = lengthOfA * (1 - share) + lengthOfB * share;
  const cosine = lengthOfA * lengthOfB === 0 ? 1 : Math.min(1, Math.max(-1, dot(a, b) / (lengthOfA * lengthOfB)));
  const angle = Math.acos(cosine);
  const sine = Math.sin(angle);
  if (sine < SMALLEST_SINE) return a.map((value, index) => value * (1 - share) + b[index] * share);
  const weightOfA = (wanted * Math.sin((1 - share) * angle)) / (sine * lengthOfA);
  const weightOfB = (wanted * Math.sin(share * angle)) / (sine * lengthOfB);
  return a.map((value, index) => value * weightOfA + b[index] * weightOfB);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += a[index] * b[index];
  return sum;
}

function lengthOf(a: Float32Array): number {
  return Math.sqrt(dot(a, a));
}
