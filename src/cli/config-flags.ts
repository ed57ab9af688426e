// A configuration file with the overrides that flags may make.
import { resolve } from 'node:path';
import { loadRunConfig } from '../config/load.node.js';
import type { RunConfig } from '../config/run-config.js';
import { readInitialDefaults } from '../pipeline/initial-defaults.node.js';
import { requireReadableFolder } from './arguments.js';

export interface ConfigFlags {
  /** `key=value` overrides in the order given. */
  readonly set?: readonly string[];
  /** Folder of sounds that replaces `corpus.path`. */
  readonly corpus?: string;
}

/** Loads a configuration and applies the flags. Memory: the result is frozen. @throws MelstromError on any problem. */
export async function loadConfigWithFlags(path: string, { set = [], corpus }: ConfigFlags): Promise<RunConfig> {
  const overrides = corpus === undefined ? [...set] : [`corpus.path=${JSON.stringify(resolve(requireReadableFolder('<folder>', corpus)))}`, ...set];
  return loadRunConfig(path, { overrides, readInitial: readInitialDefaults });
}
