import { useEngine } from '../support/engine.js';
import { describeVocosParity } from './vocos-parity.js';

useEngine();
describeVocosParity();
