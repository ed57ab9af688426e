// Starts an engine for tests: the best one that is there, or tfjs's own cpu engine where none can be started.
import * as tf from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import type * as Start from '../../src/engine/start.node.js';

let starting: Promise<string> | null = null;

/** Starts the engine before the tests of a file. Call it once at the top of the file. */
export function useEngine(): void {
  beforeAll(async () => {
    await startTestEngine();
  });
}

/** The name of the engine that runs. */
export function startTestEngine(): Promise<string> {
  starting ??= start();
  return starting;
}

async function start(): Promise<string> {
  // By a computed name, so that a file that is not there is found out when it runs.
  const path = '../../src/engine/start.node.js';
  let engine: typeof Start | null = null;
  try {
    engine = (await import(path)) as typeof Start;
  } catch {
    // Falls through to the cpu engine, which needs nothing.
  }
  if (engine !== null) return (await engine.startEngine('auto')).name;
  await tf.setBackend('cpu');
  await tf.ready();
  return 'cpu';
}
