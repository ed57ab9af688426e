// Keys of networks that hold one value for all levels, or a list with one per level.

/** The value for one level. */
export function atLevel<T>(value: T | readonly T[], level: number): T {
  return Array.isArray(value) ? ((value as readonly T[])[level] as T) : (value as T);
}
