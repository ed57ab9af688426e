// The sounds that must survive the codec, 1.2 s each at 22.05 kHz.
import { createRandom } from '../../src/base/random.js';

const RATE_HZ = 22_050;
const COUNT = 26_460;

const noise = createRandom(11, 'codec sounds').normals(COUNT);

function make(sample: (seconds: number, index: number) => number): Float32Array {
  return Float32Array.from({ length: COUNT }, (_, index) => sample(index / RATE_HZ, index));
}

export const sounds = {
  tone: make((t) => 0.5 * Math.sin(2 * Math.PI * 440 * t)),
  highTone: make((t) => 0.5 * Math.sin(2 * Math.PI * 5000 * t)),
  chirp: make((t) => 0.5 * Math.sin(2 * Math.PI * (100 * t + (7900 / 2.4) * t * t))),
  click: make((_, index) => (index === 11_025 ? 0.9 : 0)),
  noise: make((_, index) => 0.1 * noise[index]),
  drum: make((t, index) => {
    const since = t - 0.1;
    if (since < 0) return 0;
    const body = Math.exp(-12 * since) * Math.sin(2 * Math.PI * (60 * since + 8 * (1 - Math.exp(-30 * since))));
    return 0.8 * body + 0.1 * noise[index] * Math.exp(-60 * since);
  }),
  square: make((t) => (Math.sin(2 * Math.PI * 110 * t) >= 0 ? 1 : -1)),
  silence: new Float32Array(COUNT),
} as const;
