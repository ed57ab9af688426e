// What a started engine is, as plain data, and which one is running. Knows no way to start one.

export type EngineName = 'tensorflow' | 'wasm' | 'cpu';

/** What may be asked for: `auto` takes the native engine when it is set up, else wasm. */
export type WantedEngine = 'auto' | EngineName;

export const WANTED_ENGINES: readonly WantedEngine[] = ['auto', 'tensorflow', 'wasm', 'cpu'];

export interface EngineInfo {
  readonly name: EngineName;
  /** Version of the library behind it: TensorFlow's for the native engine, TensorFlow.js's for the others. */
  readonly version: string;
  /** Threads that one operation may use. */
  readonly threads: number;
  readonly isNative: boolean;
  readonly hasFusedKernels: boolean;
  readonly isUsingGpu: boolean;
  /** Why it is not the native engine, or why its fused kernels are missing. */
  readonly reason?: string;
}

let running: EngineInfo | null = null;

/** The engine that was started last in this process; null before the first. */
export function currentEngine(): EngineInfo | null {
  return running;
}

/** Records the engine that now runs, and returns it. */
export function announceEngine(info: EngineInfo): EngineInfo {
  running = Object.freeze({ ...info });
  return running;
}

/** One line for people: `tensorflow 2.21.0, 2 threads, fused kernels`. */
export function describeEngine({ name, version, threads, isUsingGpu, isNative, hasFusedKernels }: EngineInfo): string {
  const kernels = isNative ? [hasFusedKernels ? 'fused kernels' : 'no fused kernels'] : [];
  return [`${name} ${version}`, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, ...(isUsingGpu ? ['GPU'] : []), ...kernels].join(', ');
}
