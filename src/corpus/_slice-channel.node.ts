// The way of a file's slices from a worker to the main thread: two halves of shared memory, of which one is filled while the other is
// read. A long file waits for the main thread instead of piling up. Knows nothing of sound.
import { on } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { SlicePlacing } from './slice-file.node.js';
import { recordBytes } from './slice-store.node.js';

const HALVES = 2;
/** Of one half, unless a single slice is larger. */
const HALF_BYTES = 1 << 19;

/** Memory of one file at a time. */
export interface SliceMemory {
  /** Number of halves that may be filled. */
  readonly free: Int32Array<SharedArrayBuffer>;
  /** Shape: [2, n, M, N], as the cache holds slices. */
  readonly records: Uint16Array<SharedArrayBuffer>;
  readonly valuesPerSlice: number;
}

/** Slices of a file, and where they lie in it. */
export interface SliceBlock {
  /** Shape: [n, M, N]. Memory: shared; valid until the next block is asked for. */
  readonly records: Uint16Array;
  readonly places: readonly SlicePlacing[];
}

/** A slice as it is sent. */
export interface SentSlice {
  /** Shape: [M, N]. */
  readonly record: Uint16Array;
  readonly place: SlicePlacing;
}

type Message = { readonly half: number; readonly places: readonly SlicePlacing[] } | { readonly problem: string | null };

export function createSliceMemory(valuesPerSlice: number): SliceMemory {
  const slicesPerHalf = Math.max(1, Math.floor(HALF_BYTES / recordBytes(valuesPerSlice)));
  return {
    free: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    records: new Uint16Array(new SharedArrayBuffer(HALVES * slicesPerHalf * recordBytes(valuesPerSlice))),
    valuesPerSlice,
  };
}

/** Views of the two halves. */
function halvesOf({ records }: SliceMemory): Uint16Array[] {
  const size = records.length / HALVES;
  return Array.from({ length: HALVES }, (_, half) => records.subarray(half * size, (half + 1) * size));
}

/** The worker's side: sends slices, then what is wrong with the file or null. Blocks its thread while both halves are full. */
export async function sendSlices(slices: AsyncIterable<SentSlice>, { memory, port, problemOf }: { memory: SliceMemory; port: MessagePort; problemOf: (error: unknown) => string }): Promise<void> {
  const halves = halvesOf(memory);
  const { free, valuesPerSlice } = memory;
  const say = (message: Message): void => port.postMessage(message);
  let half = 0;
  let places: SlicePlacing[] = [];
  const send = (): void => {
    say({ half, places });
    half = (half + 1) % HALVES;
    places = [];
  };
  let problem: string | null = null;
  try {
    for await (const { record, place } of slices) {
      if (places.length === 0) takeHalf(free);
      halves[half].set(record, places.length * valuesPerSlice);
      places.push(place);
      if ((places.length + 1) * valuesPerSlice > halves[half].length) send();
    }
    if (places.length > 0) send();
  } catch (error) {
    problem = problemOf(error);
  }
  say({ problem });
}

function takeHalf(free: Int32Array<SharedArrayBuffer>): void {
  while (Atomics.load(free, 0) === 0) Atomics.wait(free, 0, 0);
  Atomics.sub(free, 0, 1);
}

/**
 * The main thread's side: the blocks in order, then what is wrong with the file or null. Frees the memory for another file.
 *
 * @throws the signal's reason when it is aborted
 */
export async function* receiveSlices({ memory, port, signal }: { memory: SliceMemory; port: MessagePort; signal: AbortSignal }): AsyncGenerator<SliceBlock | { readonly problem: string | null }> {
  const halves = halvesOf(memory);
  const { free, valuesPerSlice } = memory;
  try {
    for await (const [message] of on(port, 'message', { signal }) as AsyncIterable<[Message]>) {
      if ('problem' in message) {
        yield message;
        return;
      }
      const { half, places } = message;
      yield { records: halves[half].subarray(0, places.length * valuesPerSlice), places };
      Atomics.add(free, 0, 1);
      Atomics.notify(free, 0);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    port.close();
  }
}

/** Both halves are free. Called before the memory is given to a worker. */
export function resetSliceMemory({ free }: SliceMemory): void {
  Atomics.store(free, 0, HALVES);
}
