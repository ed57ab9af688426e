import { useEngine } from '../support/engine.js';
import { describeClipParity } from './clip-parity.js';

useEngine();
describeClipParity();
