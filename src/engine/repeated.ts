// Makes a function of tensors quick to call again and again: what it does is noted twice, and when both agree it is issued from the notes.
import * as tf from '@tensorflow/tfjs';
import { createProgram, type Program } from './_program.js';
import { areSame, record, type Recording } from './_recording.js';
import { convPrecision } from './ops/index.js';
import { hasNativeKernel, tensorflowBackend } from './ops/native-kernels.js';

export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

/** A function that is called with tensors of a few shapes many times. */
export interface Repeated<O> {
  /** Memory: the caller disposes of what comes back; the inputs stay the caller's. */
  (inputs: NamedTensors): O;
  /** Why the last call was not issued from notes; null when it was. */
  readonly obstacle: string | null;
}

export interface RepeatedOptions {
  /** What the function reads beside its inputs, such as the weights of a network. */
  readonly reads: readonly tf.Tensor[];
}

/** The tensors of a result, and how the result is put together from others of the same kind. */
export interface Parts<O> {
  readonly tensors: readonly tf.Tensor[];
  rebuild(tensors: readonly tf.Tensor[]): O;
}

/** Different shapes that are kept in mind; one more, and its calls are made as they are. */
const SHAPES_KEPT = 4;

/** Frees what notes hold on the engine, a few kilobytes, some time after the function they belong to is gone. */
const forgotten = new FinalizationRegistry<ReadonlyMap<string, State<unknown>>>((states) => disposeAll(states));

type State<O> =
  | { readonly kind: 'noted once'; readonly recording: Recording }
  | { readonly kind: 'ready'; readonly program: Program; readonly rebuild: Parts<O>['rebuild'] }
  | { readonly kind: 'never'; readonly obstacle: string };

/**
 * Wraps `body`, which must do the same for inputs of the same names and shapes: no random numbers of its own, no counting, no answer that
 * depends on values. On the TensorFlow engine the first two calls for each set of shapes are noted, and if they agree in every operation
 * and every constant, later calls issue the same operations in the same order, without the tfjs in between: the same bits in less time,
 * and in less memory, since each intermediate result goes after its last use. In all other cases, and while a gradient is being recorded,
 * `body` is simply called.
 *
 * @param partsOf takes a result of `body` apart
 */
export function repeated<O>(body: (inputs: NamedTensors) => O, partsOf: (result: O) => Parts<O>, { reads }: RepeatedOptions): Repeated<O> {
  const states = new Map<string, State<O>>();
  let owner: object | null = null;
  let obstacle: string | null = null;

  const noted = (inputs: NamedTensors, list: readonly tf.Tensor[]): { result: O; parts: Parts<O>; recording: Recording | string } => {
    let result!: O;
    let parts!: Parts<O>;
    const { recording } = record(list, () => {
      result = body(inputs);
      parts = partsOf(result);
      return [...parts.tensors];
    });
    return { result, parts, recording };
  };
  const call = (inputs: NamedTensors): O => {
    const backend = tensorflowBackend();
    obstacle = backend === null ? 'the engine is not tensorflow' : isTapeOn() ? 'a gradient is being recorded' : null;
    if (obstacle !== null) return body(inputs);
    if (owner !== backend) {
      disposeAll(states);
      states.clear();
      owner = backend;
    }
    const key = keyOf(inputs);
    const list = [...Object.values(inputs), ...reads];
    const state = states.get(key);
    if (state?.kind === 'ready') return state.rebuild(state.program.play(list));
    if (state?.kind === 'never' || (state === undefined && states.size === SHAPES_KEPT)) {
      obstacle = state?.kind === 'never' ? state.obstacle : `more than ${SHAPES_KEPT} sets of shapes`;
      return body(inputs);
    }
    const { result, parts, recording } = noted(inputs, list);
    obstacle = typeof recording === 'string' ? recording : 'it is being noted';
    if (typeof recording === 'string') states.set(key, { kind: 'never', obstacle: recording });
    else if (state === undefined) states.set(key, { kind: 'noted once', recording });
    else if (areSame(state.recording, recording)) states.set(key, { kind: 'ready', program: createProgram(recording), rebuild: parts.rebuild });
    else states.set(key, { kind: 'never', obstacle: 'it did something else the second time' });
    return result;
  };
  forgotten.register(call, states);
  return Object.defineProperty(call, 'obstacle', { get: () => obstacle }) as Repeated<O>;
}

function disposeAll(states: ReadonlyMap<string, State<unknown>>): void {
  for (const state of states.values()) if (state.kind === 'ready') state.program.dispose();
}

function isTapeOn(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/** Everything outside of the values that decides what is done. */
function keyOf(inputs: NamedTensors): string {
  return JSON.stringify([convPrecision(), hasNativeKernel('GroupNorm'), Object.entries(inputs).map(([name, { shape, dtype }]) => [name, shape, dtype])]);
}
