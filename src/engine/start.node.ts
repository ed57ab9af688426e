// Starts a TensorFlow.js engine in this process: the native one when it is set up, else wasm, and says which and why.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { MelstromError, messageOf } from '../base/errors.js';
import { announceEngine, currentEngine, WANTED_ENGINES, type EngineInfo, type WantedEngine } from './engine-info.js';
import { watchHostOperations } from './host-operations.js';
import { device, problemOnGpu, refreshNativeKernels } from './ops/native-kernels.js';
import { supportsBfloat16 } from './ops/precision.js';
import { loadBackend, loadKernels } from './setup/load-native.node.js';
import { installedPackageFolder } from './setup/package-root.node.js';
import type { NativeBuild } from './setup/pins.js';
import { hasEngine } from './setup/set-up.node.js';

export type { EngineInfo, EngineName, WantedEngine } from './engine-info.js';

const UNUSED_GPU = 'A GPU is present but unused: run `melstrom setup --engine tensorflow-cuda`, or see what `melstrom doctor` says about it.';
const NOT_SET_UP = 'The native engine is not set up on this machine; `melstrom setup` gets it or says why not.';

/**
 * Starts the wanted engine and makes it the one that tensors run on. `auto` means the environment's MELSTROM_ENGINE when that is
 * set, else the native engine, else wasm. A second call with the same engine costs nothing.
 *
 * @throws MelstromError when an engine asked for by name can't be had.
 */
export async function startEngine(wanted: WantedEngine = 'auto'): Promise<EngineInfo> {
  const name = wanted === 'auto' ? fromEnvironment() : wanted;
  const running = currentEngine();
  if (running !== null && (running.name === name || (name === 'auto' && running.isNative)) && tf.getBackend() === running.name) return running;
  if (name === 'cpu') return startCpu();
  if (name === 'wasm') return startWasm('The wasm engine was asked for.');
  const native = await startNative();
  if (typeof native !== 'string') return native;
  if (name === 'tensorflow') {
    throw new MelstromError({ kind: 'engine', where: 'engine tensorflow', got: native.replace(/\.$/, ''), fix: 'Run `melstrom setup`, or choose --engine wasm.' });
  }
  return startWasm(native);
}

function fromEnvironment(): WantedEngine {
  const text = process.env.MELSTROM_ENGINE;
  if (text === undefined || text === '') return 'auto';
  const known = WANTED_ENGINES.find((name) => name === text);
  if (known === undefined) {
    throw new MelstromError({ kind: 'usage', where: 'MELSTROM_ENGINE', got: `'${text}'`, expected: WANTED_ENGINES.join(', '), fix: 'Correct or unset it.' });
  }
  return known;
}

/** True when a driver offers an NVIDIA GPU, on Linux itself or inside WSL 2. */
function hasNvidiaDevice(): boolean {
  return existsSync('/dev/nvidiactl') || existsSync('/usr/lib/wsl/lib/libcuda.so.1');
}

/** The started engine, or why there is none. */
async function startNative(): Promise<EngineInfo | string> {
  const hasGpu = hasNvidiaDevice();
  const order: readonly NativeBuild[] = hasGpu ? ['tensorflow-cuda', 'tensorflow'] : ['tensorflow', 'tensorflow-cuda'];
  const build = order.find((candidate) => hasEngine(candidate));
  if (build === undefined) return NOT_SET_UP;
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  if (build === 'tensorflow-cuda') {
    process.env.TF_DETERMINISTIC_OPS ??= '1'; // the same bits in every run, at some cost
    process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'; // else it takes all of the GPU's memory for itself
  }
  try {
    const { tensorflowVersion, isUsingGpu } = loadBackend(build);
    await tf.setBackend('tensorflow');
    const kernelProblem = loadKernels(build);
    refreshNativeKernels();
    const gpuKernelProblem = isUsingGpu && kernelProblem === null ? prepareGpu() : null;
    const problems = [kernelProblem, gpuKernelProblem, hasGpu && !isUsingGpu ? UNUSED_GPU : null].filter((problem) => problem !== null);
    return announceEngine({
      name: 'tensorflow',
      version: tensorflowVersion,
      threads: availableParallelism(),
      isNative: true,
      hasFusedKernels: kernelProblem === null && gpuKernelProblem === null,
      isUsingGpu,
      ...(problems.length === 0 ? {} : { reason: problems.join(' ') }),
    });
  } catch (error) {
    return `The native engine is set up but could not be loaded (${messageOf(error)}).`;
  }
}

/** Ends the look at a GPU's operations that an earlier start began. */
let endWatch = (): void => undefined;

/** Products of float32 stay products of float32, and what the GPU can't do is told. Returns why our kernels are not used there, if so. */
function prepareGpu(): string | null {
  device.allowTf32(false);
  endWatch();
  endWatch = watchHostOperations((operation, format, binding) => device.hasKernel('GPU', operation, format, binding));
  supportsBfloat16(); // asked once, before anything is recorded
  const problem = problemOnGpu();
  return problem === null ? null : `Our kernels are not used on this GPU, so that training takes several times as long: ${problem}.`;
}

async function startWasm(reason: string): Promise<EngineInfo> {
  const folder = installedPackageFolder('@tensorflow/tfjs-backend-wasm');
  if (folder === null) throw new MelstromError({ kind: 'engine', where: 'engine wasm', got: 'its package is not installed', fix: 'Run npm ci.' });
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(folder, 'wasm-out') + sep);
  silenceAdvert();
  await tf.setBackend('wasm');
  refreshNativeKernels();
  return announceEngine({ name: 'wasm', version: tf.version.tfjs, threads: 1, isNative: false, hasFusedKernels: false, isUsingGpu: false, reason });
}

async function startCpu(): Promise<EngineInfo> {
  silenceAdvert();
  await tf.setBackend('cpu');
  refreshNativeKernels();
  return announceEngine({
    name: 'cpu', version: tf.version.tfjs, threads: 1, isNative: false, hasFusedKernels: false, isUsingGpu: false, reason: 'The cpu engine was asked for.',
  });
}

/** The cpu backend, which others fall back on for small work, advertises tfjs-node at its first use. */
function silenceAdvert(): void {
  (tf.findBackend('cpu') as unknown as { firstUse: boolean }).firstUse = false;
}
