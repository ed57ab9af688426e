// Work on many items, several at a time, whose results come in the order of the items. Knows neither threads nor files.

/**
 * Has up to `lanes` items worked on at once and yields the results in the order of the items. The next item is taken when a result has
 * been used: with one lane this is a plain loop, and no more than `lanes` results ever wait.
 *
 * @throws what the work throws, when that item's turn has come. Ended early, it waits for what is under way and drops it
 */
export async function* inOrder<T, R>(items: Iterable<T>, lanes: number, work: (item: T) => R | Promise<R>): AsyncGenerator<R> {
  const started: Promise<R>[] = [];
  try {
    for (const item of items) {
      const result = (async () => work(item))();
      result.catch(() => undefined); // thrown below, in its turn
      started.push(result);
      if (started.length >= lanes) yield await started.shift()!;
    }
    while (started.length > 0) yield await started.shift()!;
  } finally {
    await Promise.allSettled(started);
  }
}
