// Plays one of several sounds of one length in a loop, and switches among them at the same position. Runs in the browser, on Web Audio.
// Every start, stop and fade is set for a sample of the context's clock, never by a timer: what is heard doesn't depend on how busy the page is.

/** Each fade is a raised cosine of 5 ms, out and then in: two sounds are never heard at once. Source: ITU-R BS.1534-3, 5.3. */
export const FADE_SECONDS = 0.005;
/** How far ahead of the clock a change is set, so that the audio thread gets it in time. */
const LEAD_SECONDS = 0.02;

export interface Switcher {
  /** The sound that is heard, or would be when playing. */
  readonly selected: number;
  readonly isPlaying: boolean;
  /** Switches to a sound, and plays. From a pause it goes on where it stopped. */
  hear(index: number): void;
  pause(): void;
  /** Place in the loop, in [0, 1). */
  position(): number;
}

interface Voice {
  readonly source: AudioBufferSourceNode;
  readonly gain: GainNode;
  /** When its rise ends, as the context reckons it: a fall that began a rounding before that would be refused. Unit: seconds. */
  readonly risen: number;
}

/**
 * Creates a switcher for buffers of one length, whose rate should be the context's, or the browser resamples.
 *
 * Memory: a voice is disconnected when its sound has faded.
 */
export function createSwitcher(context: BaseAudioContext, buffers: readonly AudioBuffer[]): Switcher {
  const rate = context.sampleRate;
  const loopFrames = Math.round(buffers[0].duration * rate);
  const fadeFrames = Math.round(FADE_SECONDS * rate);
  const rise = Float32Array.from({ length: fadeFrames + 1 }, (_, frame) => (1 - Math.cos((Math.PI * frame) / fadeFrames)) / 2);
  const fall = rise.slice().reverse();
  let voice: Voice | null = null;
  let selected = 0;
  /** The context's frame at which the loop's first sample falls, while playing. */
  let origin = 0;
  /** Place in the loop, in frames, while paused. */
  let held = 0;
  /** First frame at which no fade is going on. */
  let free = 0;

  const soon = (): number => Math.max(free, Math.ceil((context.currentTime + LEAD_SECONDS) * rate));
  const start = (index: number, frame: number): Voice => {
    const source = new AudioBufferSourceNode(context, { buffer: buffers[index], loop: true });
    const gain = new GainNode(context, { gain: 0 });
    source.connect(gain).connect(context.destination);
    gain.gain.setValueCurveAtTime(rise, frame / rate, fadeFrames / rate);
    source.start(frame / rate, modulo(frame - origin, loopFrames) / rate);
    free = frame + fadeFrames;
    return { source, gain, risen: frame / rate + fadeFrames / rate };
  };
  /** Returns the first silent frame. */
  const stop = ({ source, gain, risen }: Voice): number => {
    const frame = soon();
    const end = frame + fadeFrames;
    gain.gain.setValueCurveAtTime(fall, Math.max(frame / rate, risen), fadeFrames / rate);
    source.addEventListener('ended', () => gain.disconnect());
    source.stop(end / rate);
    free = end;
    return end;
  };

  return {
    get selected() {
      return selected;
    },
    get isPlaying() {
      return voice !== null;
    },
    hear(index) {
      if (voice !== null && index === selected) return;
      const frame = voice === null ? soon() : stop(voice);
      if (voice === null) origin = frame - held;
      voice = start(index, frame);
      selected = index;
    },
    pause() {
      if (voice === null) return;
      held = modulo(stop(voice) - origin, loopFrames);
      voice = null;
    },
    position: () => (voice === null ? held : modulo(context.currentTime * rate - origin, loopFrames)) / loopFrames,
  };
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
