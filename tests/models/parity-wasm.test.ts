// The same on the wasm engine, at the same tolerances: it computes in float32 as the native engine does, only in another order.
import { beforeAll } from 'vitest';
import { startEngine } from '../../src/engine/start.node.js';
import { describeConditionParity } from './parity-condition-suite.js';
import { describeParity } from './parity-suite.js';

beforeAll(async () => {
  await startEngine('wasm');
});
describeParity();
describeConditionParity();
