// What a recipe plays on: an audio context, seeded variation, and the few building blocks that all instruments share.
import { createRandom, type Random } from '../../base/random.js';

/** One clip to be played: which of the corpus's seeds, instruments, groups and takes. */
export interface Take {
  readonly seed: number;
  readonly label: string;
  /** Takes of one group are the same instrument played again; groups are different instruments of one kind. */
  readonly group: number;
  readonly take: number;
}

/** An instrument: builds its sound on the stage and gives the seconds it lasts. */
export interface Recipe {
  readonly label: string;
  /** A phrase for the corpus's README. */
  readonly description: string;
  play(stage: Stage): number;
}

/** The tools of a recipe. */
export interface Stage {
  readonly context: BaseAudioContext;
  readonly output: AudioNode;
  /**
   * A value in [low, high], drawn on a logarithmic scale. The group fixes the region of it, the take the place there:
   * at spread 0 all takes of a group agree, at 1 they know nothing of the group. Default 0.5.
   */
  vary(name: string, range: readonly [number, number], spread?: number): number;
  /** One of the choices, the same for all takes of a group. */
  choose<T>(name: string, choices: readonly T[]): T;
  /** A draw of this take alone, uniform in [0, 1). */
  readonly random: Random;
}

/** Creates the stage of one take. */
export function createStage(context: BaseAudioContext, output: AudioNode, { seed, label, group, take }: Take): Stage {
  const ofGroup = (name: string): Random => createRandom(seed, 'starter', label, 'group', group, name);
  const ofTake = (name: string): Random => createRandom(seed, 'starter', label, 'take', group, take, name);
  return {
    context,
    output,
    vary(name, [low, high], spread = 0.5) {
      const place = (1 - spread) * ofGroup(name).uniform() + spread * ofTake(name).uniform();
      return low * (high / low) ** place;
    },
    choose: (name, choices) => choices[ofGroup(name).integer(choices.length)],
    random: ofTake('performance'),
  };
}

/** A gain that rises linearly and then falls exponentially; after `decaySeconds` it is 60 dB down. */
export function envelope(stage: Stage, { level, attackSeconds = 0.001, decaySeconds, startSeconds = 0 }: EnvelopeShape): GainNode {
  const node = stage.context.createGain();
  const top = startSeconds + attackSeconds;
  node.gain.setValueAtTime(0, 0);
  node.gain.setValueAtTime(0, startSeconds);
  node.gain.linearRampToValueAtTime(level, top);
  node.gain.setTargetAtTime(0, top, decaySeconds / Math.log(1000));
  return node;
}

export interface EnvelopeShape {
  readonly level: number;
  readonly attackSeconds?: number;
  readonly decaySeconds: number;
  readonly startSeconds?: number;
}

/** An oscillator that sounds from the start. */
export function oscillator(stage: Stage, type: OscillatorType, frequencyHz: number): OscillatorNode {
  const node = stage.context.createOscillator();
  node.type = type;
  node.frequency.setValueAtTime(frequencyHz, 0);
  node.start(0);
  return node;
}

/** White noise of the take's own seed, as long as wanted. */
export function noise(stage: Stage, seconds: number): AudioBufferSourceNode {
  const { context } = stage;
  const buffer = context.createBuffer(1, Math.ceil(seconds * context.sampleRate), context.sampleRate);
  const samples = stage.random.normals(buffer.length).map((value) => 0.3 * value);
  buffer.copyToChannel(samples as Float32Array<ArrayBuffer>, 0);
  const node = context.createBufferSource();
  node.buffer = buffer;
  node.start(0);
  return node;
}

/** A second-order filter. */
export function filter(stage: Stage, type: BiquadFilterType, frequencyHz: number, q = 0.707): BiquadFilterNode {
  const node = stage.context.createBiquadFilter();
  node.type = type;
  node.frequency.setValueAtTime(frequencyHz, 0);
  node.Q.setValueAtTime(q, 0);
  return node;
}

/** Connects nodes in a row and the last one to the output. */
export function chain(stage: Stage, ...nodes: readonly AudioNode[]): void {
  nodes.forEach((node, index) => node.connect(nodes[index + 1] ?? stage.output));
}
