// The flags of fill and extend that make what is drawn go with what is kept.
import type { Command } from 'commander';
import { integer, number } from './arguments.js';

export interface HeedingFlags {
  readonly heedRounds: number;
  readonly resamples: number;
  readonly detail: number;
}

export function addHeedingFlags(command: Command): Command {
  return command
    .option('--heed-rounds <n>', 'rounds in which each answer of the network is made to heed what is kept; each costs as much as the steps themselves', integer(0), 2)
    .option('--resamples <n>', 'times that each noise level is drawn again so that what is drawn heeds what is kept; each costs as much as the steps with their rounds', integer(0), 0)
    .option('--detail <x>', 'share of the detail which the autoencoder loses of the kept sound that is carried over a join', number(0, 1), 1);
}
