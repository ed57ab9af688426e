// Names of number formats on the command line.
import type { FloatDtype } from '../nn/index.js';

export type DtypeName = 'float32' | 'float16' | 'bfloat16';

/** As safetensors calls them. */
export const DTYPES: Readonly<Record<DtypeName, FloatDtype>> = Object.freeze({ float32: 'F32', float16: 'F16', bfloat16: 'BF16' });
