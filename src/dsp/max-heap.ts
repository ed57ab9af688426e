// A priority queue of cells, largest key first.

export interface MaxHeap {
  readonly size: number;
  /** Each cell may be in the heap once. */
  push(cell: number): void;
  /** Takes out a cell of the largest key. The heap must not be empty. */
  pop(): number;
}

/** Creates an empty binary heap over cells 0 … K-1 with fixed keys. Shape: keys [K]. Memory: 4·K bytes. */
export function createMaxHeap(keys: Float32Array): MaxHeap {
  const cells = new Int32Array(keys.length);
  let size = 0;
  return {
    get size() {
      return size;
    },
    push(cell) {
      const key = keys[cell];
      let at = size;
      size += 1;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (keys[cells[parent]] >= key) break;
        cells[at] = cells[parent];
        at = parent;
      }
      cells[at] = cell;
    },
    pop() {
      const top = cells[0];
      size -= 1;
      const moved = cells[size];
      const key = keys[moved];
      let at = 0;
      for (let child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && keys[cells[child + 1]] > keys[cells[child]]) child += 1;
        if (keys[cells[child]] <= key) break;
        cells[at] = cells[child];
        at = child;
      }
      cells[at] = moved;
      return top;
    },
  };
}
