// What both live checks share: finding and running the Python side, and tensors that travel in files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { referencePython, type ReferencePython } from '../../src/engine/setup/python-environment.node.js';
import { complaintOf, runProgram } from '../../src/engine/setup/run-program.node.js';
import { decodeSafetensors, encodeSafetensors, type HostTensor } from '../../src/nn/index.js';
import type { Tensors } from './networks.js';

export const say = (line: string): void => console.log(line);

/** The Python with the versions pinned in this folder, made where there is none. */
export function parityPython(): Promise<ReferencePython> {
  return referencePython({ say, pins: fileURLToPath(new URL('requirements.txt', import.meta.url)) });
}

/** Runs a script of this folder to its end. @throws Error with what it complained of */
export async function runPython(command: string, script: string, ...args: readonly string[]): Promise<void> {
  const result = await runProgram(command, [fileURLToPath(new URL(script, import.meta.url)), ...args]);
  if (result.status !== 0) throw new Error(`${script} ${args[0]}: ${complaintOf(result)}\n${result.stderr.slice(-3000)}`);
}

export function readTensors(path: string): Map<string, HostTensor> {
  return decodeSafetensors(readFileSync(path), path);
}

export function writeTensors(path: string, tensors: Tensors): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, encodeSafetensors(tensors));
}
