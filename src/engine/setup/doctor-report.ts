// What the doctor finds, as plain data.
import type { EngineInfo } from '../engine-info.js';
import type { NativeBuild } from './pins.js';

/** Whether a part is there: its version or place, or why not. */
export interface Found {
  readonly isPresent: boolean;
  /** Version, path or reason, in words. */
  readonly detail: string;
}

export interface BuildState {
  readonly library: boolean;
  readonly binding: boolean;
  readonly kernels: boolean;
  /** CUDA libraries beside it; none in the build for processors. */
  readonly cudaLibraries: readonly string[];
}

export interface DoctorReport {
  readonly melstrom: string;
  readonly node: string;
  readonly nodeApi: string;
  readonly npm: string | null;
  readonly platform: string;
  readonly processor: { readonly model: string; readonly threads: number; readonly flags: readonly string[]; readonly memoryBytes: number };
  readonly engine: EngineInfo | null;
  /** Why no engine at all could be started; null when one was. */
  readonly engineProblem: string | null;
  /** Whether convolutions and matrix products may be done in bfloat16, which `precision: auto` then takes. */
  readonly hasBfloat16: boolean;
  readonly builds: Readonly<Record<NativeBuild, BuildState>>;
  readonly wasmSimd: boolean;
  readonly compiler: Found;
  readonly python: Found;
  readonly pip: Found;
  readonly webAudio: Found;
  readonly gpu: Found;
  readonly cache: { readonly folder: string; readonly bytes: number };
}
