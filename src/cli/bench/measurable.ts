// One side of a row, whatever runs it: started, asked for one timing at a time, asked for its peak of memory, ended.
import type { JobFacts } from './job.js';

export interface Measurable {
  readonly facts: JobFacts;
  /** From the start of the process to the end of the first run. Unit: ms. */
  readonly firstRunMilliseconds: number;
  /** Times one run. Unit: ms. */
  run(): Promise<number>;
  /** Largest resident memory so far; null where the system does not tell. Unit: MB. */
  peakMegabytes(): number | null;
  /** Share of the time of one run that is spent in convolutions and matrix products; null where that is not known. */
  convolutionShare(): Promise<number | null>;
  end(): Promise<void>;
}
