// The recordings behind the slices of a corpus, each file read once. Knows no cache.
import { dirname, extname, join } from 'node:path';
import { readSpans } from '../audio/spans.node.js';
import type { CorpusConfig } from '../config/corpus.js';
import type { MelSettings } from '../config/mel.js';

/** Where a slice lies. */
export interface SlicePlace {
  /** Name under the corpus. */
  readonly file: string;
  readonly offsetFrames: number;
  readonly fillFrames: number;
}

export interface SliceSound {
  /** Position in the list of places. */
  readonly index: number;
  /** The sound under the slice's frames, without its padding: fillFrames · hopSamples samples, silent beyond the end of the file. */
  readonly samples: Float32Array;
}

/**
 * Reads the sounds of slices, file after file, in one pass over each.
 *
 * Memory: the slices that the present block of a file touches.
 * @throws MelstromError of kind 'data' that names a file that has gone or can no longer be read
 */
export async function* readSliceSounds(places: readonly SlicePlace[], { corpus, mel }: { readonly corpus: CorpusConfig; readonly mel: MelSettings }): AsyncGenerator<SliceSound> {
  const { sampleRateHz, hopSamples } = mel;
  for (const [file, unsorted] of indicesByFile(places)) {
    const indices = unsorted.toSorted((a, b) => places[a].offsetFrames - places[b].offsetFrames);
    const starts = indices.map((index) => places[index].offsetFrames * hopSamples);
    const longest = Math.max(...indices.map((index) => places[index].fillFrames)) * hopSamples;
    let next = 0;
    for await (const samples of readSpans(join(corpusRoot(corpus), file), { sampleRateHz, downmix: corpus.downmix, starts, sampleCount: longest })) {
      const index = indices[next];
      next += 1;
      yield { index, samples: samples.subarray(0, places[index].fillFrames * hopSamples) };
    }
  }
}

function indicesByFile(places: readonly SlicePlace[]): Map<string, number[]> {
  const byFile = new Map<string, number[]>();
  for (const [index, { file }] of places.entries()) {
    const known = byFile.get(file);
    if (known === undefined) byFile.set(file, [index]);
    else known.push(index);
  }
  return byFile;
}

/** The folder that names of the corpus' files are relative to. */
export function corpusRoot({ path, manifest }: CorpusConfig): string {
  if (manifest !== null) return dirname(manifest);
  return extname(path).toLowerCase() === '.csv' ? dirname(path) : path;
}
