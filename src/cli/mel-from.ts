// Mel settings from a configuration, a run folder or a pipeline folder.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { findPipeline } from '../pipeline/find-pipeline.node.js';
import { loadConfigWithFlags } from './config-flags.js';

/** @throws MelstromError when there is nothing of the kind, or it says nothing of sound */
export async function readMelFrom(path: string): Promise<{ mel: MelSettings; reason: string }> {
  if (!existsSync(path)) throw new MelstromError({ kind: 'usage', where: '--mel-from', got: `'${path}', which does not exist`, expected: 'a configuration, a run folder or a pipeline folder' });
  const reason = `as in ${path}`;
  if (!statSync(path).isDirectory()) return { mel: (await loadConfigWithFlags(path, {})).mel, reason };
  const isRun = existsSync(join(path, 'config.yaml'));
  if (isRun) return { mel: (await loadConfigWithFlags(join(path, 'config.yaml'), {})).mel, reason };
  const { mel } = await findPipeline(path);
  if (mel === null) throw new MelstromError({ kind: 'usage', where: '--mel-from', got: `'${path}', which says nothing of sound`, expected: 'a folder with mel settings' });
  return { mel, reason };
}
