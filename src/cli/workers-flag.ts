// The flag of every command that analyses or inverts many sounds, and how many threads inversions are worth when it is not given.
import { Option } from 'commander';
import { workersOfThisMachine } from '../base/worker-pool.node.js';
import { integer } from './arguments.js';

export interface WorkersFlag {
  readonly workers?: number;
}

export function workersOption(): Option {
  return new Option('--workers <n>', 'threads that analyse and invert sound beside the main one; 0 does it all on the main one (default: one per processor core up to 16, none where there is little to do)').argParser(integer(0));
}

/** Inversions to come. */
export interface InversionWork extends WorkersFlag {
  readonly clips: number;
  /** Of each clip. */
  readonly frames: number;
  readonly signal?: AbortSignal;
}

/** Fewer frames in all are inverted, within a second, before threads are of use. */
const FEW_FRAMES = 1024;

/** As many threads as are asked for, else as the work is worth; no more than there are clips. */
export function workersFor({ workers, clips, frames }: InversionWork): number {
  return Math.min(clips, workers ?? (clips * frames < FEW_FRAMES ? 0 : workersOfThisMachine()));
}
