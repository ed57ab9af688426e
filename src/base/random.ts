// Counter-based random numbers (Philox 4x32-10): the value at an index depends on seed, stream and index alone.

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** A position in a random sequence. All draws advance it; `position` can be stored and restored. */
export interface Random {
  /** Number of 32-bit words drawn so far. */
  position: number;
  /** An integer uniform in [0, 2^32). */
  uint32(): number;
  /** A number uniform in [0, 1), with 53 random bits. */
  uniform(): number;
  /** An integer uniform in [0, bound), without modulo bias beyond 2^-53. */
  integer(bound: number): number;
  /** A draw from the standard normal distribution (Box-Muller, two words pairs each, no state kept). */
  normal(): number;
  /** Standard normal draws, as float32. */
  normals(count: number): Float32Array;
  /** A random order of 0 … count-1 (Fisher-Yates). */
  permutation(count: number): Uint32Array;
}

/**
 * Creates the random sequence that a seed and a path of names or numbers select. Different paths give independent
 * sequences: `createRandom(7, 'noise', step)` never overlaps `createRandom(7, 'batch', step)`.
 *
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), Philox 4x32 with 10 rounds.
 */
export function createRandom(seed: number, ...path: readonly (string | number)[]): Random {
  const [key0, key1] = hashPath(seed, path);
  const block = new Uint32Array(4);
  let blockIndex = -1;
  const random: Random = {
    position: 0,
    uint32() {
      const wanted = Math.floor(random.position / 4);
      if (wanted !== blockIndex) {
        philox({ counterLow: wanted >>> 0, counterHigh: Math.floor(wanted / 2 ** 32), key0, key1 }, block);
        blockIndex = wanted;
      }
      const word = block[random.position % 4];
      random.position += 1;
      return word;
    },
    uniform() {
      const high = random.uint32() >>> 5;
      const low = random.uint32() >>> 6;
      return (high * 2 ** 26 + low) / 2 ** 53;
    },
    integer(bound) {
      return Math.floor(random.uniform() * bound);
    },
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
      return radius * Math.cos(2 * Math.PI * random.uniform());
    },
    normals(count) {
      const values = new Float32Array(count);
      for (let index = 0; index < count; index += 2) {
        const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
        const angle = 2 * Math.PI * random.uniform();
        values[index] = radius * Math.cos(angle);
        if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
      }
      return values;
    },
    permutation(count) {
      const order = Uint32Array.from({ length: count }, (_, index) => index);
      for (let last = count - 1; last > 0; last -= 1) {
        const other = random.integer(last + 1);
        const kept = order[last];
        order[last] = order[other];
        order[other] = kept;
      }
      return order;
    },
  };
  return random;
}

interface PhiloxInput {
  readonly counterLow: number;
  readonly counterHigh: number;
  readonly key0: number;
  readonly key1: number;
}

/** One Philox 4x32-10 block. Mutates: out, four words. */
export function philox({ counterLow, counterHigh, key0, key1 }: PhiloxInput, out: Uint32Array): void {
  let x0 = counterLow;
  let x1 = counterHigh >>> 0;
  let x2 = 0;
  let x3 = 0;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < ROUNDS; round += 1) {
    const high0 = multiplyHigh(MULTIPLIER_0, x0);
    const low0 = Math.imul(MULTIPLIER_0, x0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, x2);
    const low1 = Math.imul(MULTIPLIER_1, x2) >>> 0;
    x0 = (high1 ^ x1 ^ k0) >>> 0;
    x1 = low1;
    x2 = (high0 ^ x3 ^ k1) >>> 0;
    x3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** The high 32 bits of an unsigned 32 × 32 bit product. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16);
  const cross = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  // Both sums may exceed 32 bits by one: their carries are kept by unsigned division, not by a shift.
  return (Math.imul(aHigh, bHigh) + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)) >>> 0;
}

/** 64-bit key from a seed and a path, by two FNV-1a hashes with different offsets and a final mix. */
function hashPath(seed: number, path: readonly (string | number)[]): [number, number] {
  const text = [seed, ...path].map((part) => `${typeof part === 'number' ? '#' : '$'}${part}`).join('\u0000');
  return [mix(fnv1a(text, 0x811c9dc5)), mix(fnv1a(text, 0x5bd1e995))];
}

function fnv1a(text: string, offset: number): number {
  let hash = offset;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

function mix(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
