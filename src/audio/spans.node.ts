// Cuts stretches out of a long file in one pass over it.
import { streamSound, type LoadOptions, type SoundOptions } from './load.node.js';

interface Spans {
  /** Where each stretch begins, rising. Unit: samples at sampleRateHz. */
  readonly starts: readonly number[];
  /** Length of every stretch. Unit: samples at sampleRateHz. */
  readonly sampleCount: number;
}

export type SpanOptions = LoadOptions & Spans;

/** As readSoundSpans, of one channel. */
export async function* readSpans(path: string, options: SpanOptions): AsyncGenerator<Float32Array> {
  for await (const [samples] of readSoundSpans(path, { ...options, channels: 1 })) yield samples;
}

/**
 * Reads stretches of a file as one channel or two at the given rate, in order; what lies beyond the file's end is silence. They may
 * overlap.
 *
 * Memory: the stretches that the present block touches.
 * @throws MelstromError of kind 'data' that names the file
 */
export async function* readSoundSpans(path: string, { starts, sampleCount, ...load }: SoundOptions & Spans): AsyncGenerator<readonly Float32Array[]> {
  const silence = (): Float32Array[] => Array.from({ length: load.channels }, () => new Float32Array(sampleCount));
  const open: { start: number; channels: Float32Array[] }[] = [];
  let opened = 0;
  let position = 0;
  for await (const block of streamSound(path, load)) {
    const end = position + block[0].length;
    for (; opened < starts.length && starts[opened] < end; opened += 1) open.push({ start: starts[opened], channels: silence() });
    for (const { start, channels } of open) {
      const from = Math.max(start, position);
      const to = Math.min(start + sampleCount, end);
      if (from < to) for (const [index, samples] of channels.entries()) samples.set(block[index].subarray(from - position, to - position), from - start);
    }
    position = end;
    while (open.length > 0 && open[0].start + sampleCount <= end) yield open.shift()!.channels;
    if (opened === starts.length && open.length === 0) return;
  }
  for (const { channels } of open) yield channels;
  for (; opened < starts.length; opened += 1) yield silence();
}
