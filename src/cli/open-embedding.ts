// The embedding that a flag names.
import { existsSync } from 'node:fs';
import { MelstromError } from '../base/errors.js';
import type { Embedding } from '../evaluation/embedding.js';
import { openOnnxEmbedding } from '../evaluation/onnx-embedding.node.js';
import { createSpectralEmbedding } from '../evaluation/spectral-embedding.js';

/** @throws MelstromError of kind 'usage' for what is neither a name nor a file; as openOnnxEmbedding */
export async function openEmbedding(nameOrFile: string): Promise<Embedding> {
  if (nameOrFile === 'spectral') return createSpectralEmbedding();
  if (!existsSync(nameOrFile)) throw new MelstromError({ kind: 'usage', where: '--embedding', got: `'${nameOrFile}'`, expected: "'spectral', or a YAML file that describes an ONNX network" });
  return openOnnxEmbedding(nameOrFile);
}
