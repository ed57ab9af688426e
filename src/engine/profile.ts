// Where the time of an engine goes: operations by kind, and what is brought to it and fetched from it. Knows no network.
import * as tf from '@tensorflow/tfjs';
import { replaceBinding, tensorflowBackend, type Binding } from './ops/native-kernels.js';

/** Time in one kind of operation. */
export interface OperationTime {
  readonly kind: string;
  readonly calls: number;
  /** Unit: ms. */
  readonly milliseconds: number;
}

/** What an engine did between start and stop. All in ms. */
export interface EngineProfile {
  /** Longest first. On a GPU, where operations are only handed over, the time of handing them over. */
  readonly operations: readonly OperationTime[];
  /** Copying to the engine. */
  readonly uploadMilliseconds: number;
  /** Fetching results, and waiting for them: on a GPU most of its work shows here. */
  readonly fetchMilliseconds: number;
  /** From start to stop. */
  readonly wallMilliseconds: number;
}

/** A recording in progress. */
export interface ProfileRecording {
  /** Ends it and takes every trace of it away. A second call gives the same profile again. */
  stop(): EngineProfile;
}

/** Convolutions and matrix products, their gradients and fused forms. */
const PRODUCTS = /^(Melstrom|_?Fused)*(Conv2D|Winograd|DepthwiseConv2d|Conv2d|BatchMatMul|MatMul|Attention|Einsum)/i;

/** True for the kinds of operation that multiply matrices, convolutions among them. */
export function isProduct(kind: string): boolean {
  return PRODUCTS.test(kind);
}

/** Share of the whole time that went into convolutions and matrix products, 0 to 1. */
export function productShare({ operations, wallMilliseconds }: EngineProfile): number {
  const spent = operations.filter(({ kind }) => isProduct(kind)).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return wallMilliseconds === 0 ? 0 : spent / wallMilliseconds;
}

/**
 * Starts to record on the engine in use: on TensorFlow each of its operations, elsewhere each kernel of tfjs without the time of those
 * it calls. One at a time; it costs about a microsecond a call.
 */
export function recordProfile(): ProfileRecording {
  const began = performance.now();
  const clock = createClock();
  const restore = tensorflowBackend() === null ? watchKernels(clock) : watchBinding(clock);
  let profile: EngineProfile | null = null;
  return {
    stop() {
      if (profile !== null) return profile;
      restore();
      profile = clock.read(performance.now() - began);
      return profile;
    },
  };
}

interface Clock {
  /** Runs `body` and counts its own time, without that of calls inside, under the kind. */
  time<T>(kind: string, body: () => T): T;
  read(wallMilliseconds: number): EngineProfile;
}

const UPLOAD = 'upload';
const FETCH = 'fetch';

function createClock(): Clock {
  const spent = new Map<string, { calls: number; milliseconds: number }>();
  let inside = 0; // time of the calls that the running one has made
  const take = (kind: string): number => {
    const milliseconds = spent.get(kind)?.milliseconds ?? 0;
    spent.delete(kind);
    return milliseconds;
  };
  return {
    time(kind, body) {
      const [outer, began] = [inside, performance.now()];
      inside = 0;
      try {
        return body();
      } finally {
        const whole = performance.now() - began;
        const entry = spent.get(kind) ?? { calls: 0, milliseconds: 0 };
        spent.set(kind, { calls: entry.calls + 1, milliseconds: entry.milliseconds + whole - inside });
        inside = outer + whole;
      }
    },
    read(wallMilliseconds) {
      const [uploadMilliseconds, fetchMilliseconds] = [take(UPLOAD), take(FETCH)];
      const operations = [...spent].map(([kind, entry]) => ({ kind, ...entry })).sort((a, b) => b.milliseconds - a.milliseconds);
      return { operations, uploadMilliseconds, fetchMilliseconds, wallMilliseconds };
    },
  };
}

function watchBinding(clock: Clock): () => void {
  const backend = tensorflowBackend() as { binding: Binding };
  return replaceBinding(backend, (binding) => ({
    executeOp: (name, attributes, inputs, outputCount) => clock.time(name, () => binding.executeOp(name, attributes, inputs, outputCount)),
    createTensor: (shape, dtype, values) => clock.time(UPLOAD, () => binding.createTensor(shape, dtype, values)),
    tensorDataSync: (id) => clock.time(FETCH, () => binding.tensorDataSync(id)),
  }));
}

/** Puts the clock around every kernel of the engine, and around reading. */
function watchKernels(clock: Clock): () => void {
  const kernels = tf.getKernelsForBackend(tf.getBackend());
  const originals = kernels.map((kernel) => kernel.kernelFunc);
  for (const kernel of kernels) {
    const { kernelName, kernelFunc } = kernel;
    kernel.kernelFunc = (parts) => clock.time(kernelName, () => kernelFunc(parts));
  }
  const backend = tf.backend() as unknown as { readSync(id: object): unknown };
  const ownRead = backend.readSync;
  backend.readSync = (id) => clock.time(FETCH, () => ownRead.call(backend, id));
  return () => {
    kernels.forEach((kernel, index) => (kernel.kernelFunc = originals[index]));
    backend.readSync = ownRead;
  };
}
