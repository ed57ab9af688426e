// What a started engine is, as plain data.

export type EngineName = 'tensorflow' | 'wasm' | 'cpu';

export interface EngineInfo {
  readonly name: EngineName;
  /** Version of the library behind it: TensorFlow's for the native engine, TensorFlow.js's for the others. */
  readonly version: string;
  /** Threads that one operation may use. */
  readonly threads: number;
  readonly isNative: boolean;
  /** Whether operations run on a GPU. */
  readonly isGpu: boolean;
  readonly hasFusedKernels: boolean;
  /** Why it is not the native engine, or why its fused kernels are missing. */
  readonly reason?: string;
}
