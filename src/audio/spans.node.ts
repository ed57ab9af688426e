// Cuts stretches out of a long file in one pass over it.
import { streamMono, type LoadOptions } from './load.node.js';

export interface SpanOptions extends LoadOptions {
  /** Where each stretch begins, rising. Unit: samples at sampleRateHz. */
  readonly starts: readonly number[];
  /** Length of every stretch. Unit: samples at sampleRateHz. */
  readonly sampleCount: number;
}

/**
 * Reads stretches of a file as one channel at the given rate, in order; what lies beyond the file's end is silence. They may
 * overlap.
 *
 * Memory: the stretches that the present block touches.
 * @throws MelstromError of kind 'data' that names the file
 */
export async function* readSpans(path: string, { starts, sampleCount, ...load }: SpanOptions): AsyncGenerator<Float32Array> {
  const open: { start: number; samples: Float32Array }[] = [];
  let opened = 0;
  let position = 0;
  for await (const block of streamMono(path, load)) {
    const end = position + block.length;
    for (; opened < starts.length && starts[opened] < end; opened += 1) open.push({ start: starts[opened], samples: new Float32Array(sampleCount) });
    for (const { start, samples } of open) {
      const from = Math.max(start, position);
      const to = Math.min(start + sampleCount, end);
      if (from < to) samples.set(block.subarray(from - position, to - position), from - start);
    }
    position = end;
    while (open.length > 0 && open[0].start + sampleCount <= end) yield open.shift()!.samples;
    if (opened === starts.length && open.length === 0) return;
  }
  for (const { samples } of open) yield samples;
  for (; opened < starts.length; opened += 1) yield new Float32Array(sampleCount);
}
