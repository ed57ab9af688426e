// Starts the engine that tests run on: the native one where it is set up, else wasm. MELSTROM_ENGINE chooses another.
import { beforeAll } from 'vitest';
import { startEngine, type EngineInfo, type WantedEngine } from '../../src/engine/start.node.js';

/** Starts the engine before the tests of a file. Call it once at the top of the file. */
export function useEngine(wanted: WantedEngine = 'auto'): void {
  beforeAll(async () => {
    await startEngine(wanted);
  });
}

/** Which engine runs, for tests that need to know. */
export function startTestEngine(): Promise<EngineInfo> {
  return startEngine('auto');
}
