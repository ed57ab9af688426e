// Plays clips through the system's sound device.
import { MelstromError, messageOf } from '../base/errors.js';
import { durationSeconds, frameCountOf, type Clip } from './clip.js';
import { resampleClip } from './resample.js';
import { loadWebAudio } from './web-audio.node.js';

/**
 * Plays a clip to its end, or until the signal aborts. The clip is converted to the device's rate first, because
 * node-web-audio-api would do so without an anti-alias filter.
 *
 * @throws MelstromError of kind 'engine' when there is no sound device or node-web-audio-api does not load
 */
export async function playClip(clip: Clip, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  const { AudioContext } = await loadWebAudio();
  const context = openDevice(() => new AudioContext());
  try {
    const ready = await resampleClip(clip, Math.round(context.sampleRate));
    const buffer = context.createBuffer(ready.channels.length, Math.max(1, frameCountOf(ready)), context.sampleRate);
    ready.channels.forEach((channel, index) => buffer.copyToChannel(channel as Float32Array<ArrayBuffer>, index));
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    await new Promise<void>((resolve) => {
      // A device that stops taking sound would never report the end.
      const guard = setTimeout(resolve, 1000 * (durationSeconds(ready) + 2));
      const finish = (): void => {
        clearTimeout(guard);
        resolve();
      };
      source.addEventListener('ended', finish);
      signal?.addEventListener('abort', finish, { once: true });
      if (signal?.aborted === true) finish();
      else source.start();
    });
  } finally {
    await context.close();
  }
}

function openDevice<T>(create: () => T): T {
  try {
    return create();
  } catch (cause) {
    throw new MelstromError({
      kind: 'engine',
      where: 'sound device',
      got: `none can be opened (${messageOf(cause).split('\n')[0]})`,
      fix: 'Play the written WAV file on a machine that has one.',
      cause,
    });
  }
}
