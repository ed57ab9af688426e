import { useEngine } from '../support/engine.js';
import { describeVocosParity } from './vocos-parity.js';

// Every transform is a matrix product there.
useEngine('wasm');
describeVocosParity();
