// What goes on while clips are made, as one sequence to iterate over: progress, previews, and the clips themselves.
import type { Pipeline } from '../pipeline/pipeline.js';
import type { GeneratedClip } from './_render.js';
import type { ClipRequest, GenerationProgress, Preview } from './request.js';

/** Something that happened, in order. */
export type GenerationEvent<Clip extends GeneratedClip = GeneratedClip> =
  | { readonly kind: 'progress'; readonly progress: GenerationProgress }
  | { readonly kind: 'preview'; readonly preview: Preview }
  | { readonly kind: 'clip'; readonly clip: Clip };

type Watched = Pick<ClipRequest, 'signal' | 'onStep' | 'onPreview' | 'previewEvery'>;

/** What is watched, and how closely. */
export interface WatchOptions<Request extends Watched, Clip extends GeneratedClip> {
  /** generateClips, generateFromVaePrior, extendClips, varySounds, fillSounds, morphSounds or combineClips. */
  readonly operation: (pipeline: Pipeline, request: Request) => AsyncGenerator<Clip>;
  /** What the operation is asked for. Its own callbacks are called too. */
  readonly request: Request;
  /** Steps from one preview of a clip to the next. Default no previews. */
  readonly previewEvery?: number;
}

/**
 * Does an operation and yields what happens on the way: an event per step, previews if they are asked for, and each clip when it is whole.
 * Drawing goes on while an event is looked at, up to the next clip, which is begun only when the one before has been taken. Whoever leaves
 * the iteration stops the drawing within one step, as the request's signal does.
 *
 * Memory: no tensor is left when the iteration ends, however it ends. Events that are not taken yet are held: at most those of one batch.
 * @throws MelstromError at once when the request does not fit; the signal's reason when aborted
 */
export function watchClips<Request extends Watched, Clip extends GeneratedClip>(pipeline: Pipeline, { operation, request, previewEvery }: WatchOptions<Request, Clip>): AsyncGenerator<GenerationEvent<Clip>> {
  const events = createQueue<GenerationEvent<Clip>>();
  const stop = new AbortController();
  const clips = operation(pipeline, {
    ...request,
    signal: stop.signal,
    onStep: (progress: GenerationProgress) => {
      request.onStep?.(progress);
      events.push({ kind: 'progress', progress });
    },
    ...(previewEvery !== undefined && {
      previewEvery,
      onPreview: async (preview: Preview) => {
        await request.onPreview?.(preview);
        events.push({ kind: 'preview', preview });
      },
    }),
  });
  return follow({ clips, events, stop, signal: request.signal });
}

interface Followed<Clip extends GeneratedClip> {
  readonly clips: AsyncGenerator<Clip>;
  readonly events: Queue<GenerationEvent<Clip>>;
  readonly stop: AbortController;
  readonly signal: AbortSignal | undefined;
}

async function* follow<Clip extends GeneratedClip>({ clips, events, stop, signal }: Followed<Clip>): AsyncGenerator<GenerationEvent<Clip>> {
  const forward = (): void => stop.abort(signal?.reason);
  if (signal?.aborted) forward();
  signal?.addEventListener('abort', forward);
  let next: Promise<IteratorResult<Clip>> | undefined;
  try {
    for (;;) {
      next = clips.next();
      yield* events.until(next);
      const { done, value } = await next;
      if (done) return;
      yield { kind: 'clip', clip: value };
    }
  } finally {
    stop.abort(new Error('nobody watches any more'));
    await next?.catch(() => undefined); // what is thrown after this stop is the stop itself; before it, the loop has thrown it already
    await clips.return(undefined);
    signal?.removeEventListener('abort', forward);
  }
}

interface Queue<T> {
  push(item: T): void;
  /** Yields what is pushed until a promise is settled, whichever way, and nothing is left. */
  until(end: Promise<unknown>): AsyncGenerator<T>;
}

function createQueue<T>(): Queue<T> {
  const waiting: T[] = [];
  let wake = (): void => undefined;
  return {
    push(item) {
      waiting.push(item);
      wake();
    },
    async *until(end) {
      let isEnded = false;
      const settle = (): void => {
        isEnded = true;
        wake();
      };
      end.then(settle, settle);
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()!;
        if (isEnded) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
