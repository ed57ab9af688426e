// Stereo sounds whose places are known, 1.2 s each at 22.05 kHz.
import { createRandom } from '../../src/base/random.js';
import { sounds } from './sounds.js';

type Stereo = readonly [left: Float32Array, right: Float32Array];

/** A mono sound at two gains. */
function pan(sound: Float32Array, left: number, right: number): Stereo {
  return [sound.map((sample) => left * sample), sound.map((sample) => right * sample)];
}

function add([a, b]: Stereo, [c, d]: Stereo): Stereo {
  return [a.map((sample, index) => sample + c[index]), b.map((sample, index) => sample + d[index])];
}

const noise = (name: string, gain: number): Float32Array => createRandom(7, 'stereo sounds', name).normals(sounds.noise.length).map((sample) => gain * sample);
const tones = (hz: readonly number[]): Float32Array =>
  Float32Array.from({ length: sounds.noise.length }, (_, index) => hz.reduce((sum, each) => sum + 0.15 * Math.sin((2 * Math.PI * each * index) / 22_050), 0));

const made = {
  drumLeft: pan(sounds.drum, 0.9, 0.3),
  drumRight: pan(sounds.drum, 0.3, 0.9),
  allLeft: pan(sounds.drum, 1, 0),
  allRight: pan(sounds.square.map((sample) => 0.3 * sample), 0, 1),
  mono: pan(sounds.drum, 0.7, 0.7),
  outOfPhase: pan(sounds.drum, 0.7, -0.7),
  /** Two sounds that have nothing to do with one another. */
  wideNoise: [noise('left', 0.1), noise('right', 0.1)],
  /** Noise that is partly the same in both channels, and louder on the left. */
  roomNoise: add(pan(noise('common', 0.1), 1, 0.6), [noise('left', 0.03), noise('right', 0.03)]),
  /** Left and right play different pitches. */
  twoPlayers: add(pan(tones([220, 440, 660]), 0.9, 0.2), pan(tones([1318.5, 2637, 5274]), 0.2, 0.9)),
  /** Left and right play a fifth of a tone apart, under one mel filter. */
  sameFilter: add(pan(tones([4000]), 1, 0), pan(tones([4060]), 0, 1)),
  /** The right hears what the left hears half a millisecond later. */
  late: [sounds.noise, Float32Array.from(sounds.noise, (_, index) => sounds.noise[index - 11] ?? 0)],
  silence: [sounds.silence, sounds.silence],
} satisfies Readonly<Record<string, Stereo>>;

export const stereoSounds: Readonly<Record<keyof typeof made, Stereo>> = made;
