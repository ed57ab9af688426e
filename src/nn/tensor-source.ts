// Named tensors that are read one at a time, wherever they lie, so that weights larger than half of memory load. Knows no network.
import type { HostTensor } from './reference-layout.js';
import type { SafetensorsDtype } from './safetensors-header.js';

/** What is known of a tensor before its values are read. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: SafetensorsDtype;
}

/** Tensors of one or several files, in memory or changed on the way. */
export interface TensorSource {
  /** Names the source in errors, usually the file. */
  readonly where: string;
  /** By name, in the order in which they are read fastest. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * The values of one tensor, row-major, as float32.
   *
   * Memory: valid until the next read, which may use the same memory again.
   */
  read(name: string): Float32Array;
  /** Closes files. Reading after it is an error. */
  close(): void;
}

/** Tensors that are in memory already. */
export function memorySource(tensors: ReadonlyMap<string, HostTensor>, where: string): TensorSource {
  return {
    where,
    entries: new Map(Array.from(tensors, ([name, { shape }]) => [name, { name, shape, dtype: 'F32' }])),
    read: (name) => tensors.get(name)!.data,
    close: () => undefined,
  };
}

/** The same tensors under other names; null leaves a tensor out. */
export function renamedSource(source: TensorSource, rename: (name: string) => string | null): TensorSource {
  const originals = new Map<string, string>();
  const entries = new Map<string, TensorEntry>();
  for (const entry of source.entries.values()) {
    const name = rename(entry.name);
    if (name === null) continue;
    originals.set(name, entry.name);
    entries.set(name, { ...entry, name });
  }
  return { ...source, entries, read: (name) => source.read(originals.get(name)!) };
}

/** A change of one tensor on its way. */
export interface TensorChange {
  /** The shape afterwards. */
  shape(before: readonly number[]): readonly number[];
  /** The values afterwards; `values` stay as they are. */
  apply(values: Float32Array, before: readonly number[]): Float32Array;
}

/** The same tensors, some of them changed by name. */
export function changedSource(source: TensorSource, changes: ReadonlyMap<string, TensorChange>): TensorSource {
  const entries = new Map(Array.from(source.entries, ([name, entry]) => [name, { ...entry, shape: changes.get(name)?.shape(entry.shape) ?? entry.shape }]));
  return {
    ...source,
    entries,
    read(name) {
      const values = source.read(name);
      return changes.get(name)?.apply(values, source.entries.get(name)!.shape) ?? values;
    },
  };
}

/** The tensors of several sources under one name for errors; names must not repeat. */
export function joinedSource(where: string, sources: readonly TensorSource[]): TensorSource {
  const owners = new Map(sources.flatMap((source) => Array.from(source.entries.keys(), (name) => [name, source] as const)));
  return {
    where,
    entries: new Map(sources.flatMap((source) => [...source.entries])),
    read: (name) => owners.get(name)!.read(name),
    close: () => sources.forEach((source) => source.close()),
  };
}
