// The wasm engine sums in another order; the tolerances of the native one hold there as well.
import { useEngine } from '../support/engine.js';
import { describeClipParity } from './clip-parity.js';

useEngine('wasm');
describeClipParity();
