// The networks against the reference implementation, on the engine that is set up.
import { useEngine } from '../support/engine.js';
import { describeConditionParity } from './parity-condition-suite.js';
import { describeParity } from './parity-suite.js';

useEngine();
describeParity();
describeConditionParity();
