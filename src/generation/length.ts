// How long a clip is: in samples, in frames, and in the windows that the networks draw it in.
import { requireInteger, requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { imageChannels } from '../config/mel-layout.js';
import { spreadWindows, type Windows } from '../diffusion/windows.js';
import { sampleShape, type Pipeline, type SampleShape } from '../pipeline/pipeline.js';

/** The length of a loop in musical time. */
export interface Tempo {
  readonly bpm: number;
  readonly bars: number;
  /** Default 4. */
  readonly beatsPerBar?: number;
}

/** What a request says of length. */
export interface LengthRequest {
  /** Frames of each clip. Default the slice's length. Not together with `seconds` or `tempo`. */
  readonly frameCount?: number;
  /** Length of each clip, to the nearest sample. Longer than a slice: drawn in windows that overlap and are denoised together. */
  readonly seconds?: number;
  /** Whether each clip goes on at its start when it has ended: circular through networks and inverter. Default false. */
  readonly isLoop?: boolean;
  /** Length of a loop in bars, to the nearest sample. Not together with `seconds`. */
  readonly tempo?: Tempo;
  /**
   * Least share of a window that its neighbour covers too, in [0, 0.9]. Default 0.5. With 0 windows stand side by side, each for itself: a
   * model of single hits then gives hits in a row, where windows that must agree would agree on silence.
   */
  readonly overlap?: number;
}

/** The length of a clip, worked out. */
export interface ClipLength {
  readonly sampleCount: number;
  /** Frames of the image that is inverted. */
  readonly frameCount: number;
  /** Frames that the networks draw; those beyond frameCount are cut off. */
  readonly drawnFrames: number;
  readonly isLoop: boolean;
  /** Of the windows; null where one is enough. */
  readonly overlap: number | null;
}

type Measured = Pick<Pipeline, 'vae' | 'unet' | 'mel' | 'upscaler'>;

/** Of all channels together: beyond this a clip would no longer fit a WAV file of 32 bits, or an array. */
const MOST_SAMPLES = 2 ** 29;

/** Seconds of so many bars. */
export function tempoSeconds({ bpm, bars, beatsPerBar = 4 }: Tempo): number {
  requireNumber('tempo: bpm', bpm, { min: 1, max: 1000 });
  requireNumber('tempo: bars', bars, { min: 1 / 64, max: 10_000 });
  requireNumber('tempo: beatsPerBar', beatsPerBar, { min: 1, max: 64 });
  return (bars * beatsPerBar * 60) / bpm;
}

/**
 * Works out a clip's length. What is no longer than a slice is drawn as a whole slice, since that is what the networks know, and cut.
 * A loop has a whole number of latent columns; its frames are then as far apart as the exact number of samples makes them.
 *
 * @throws MelstromError of kind 'usage' when the request contradicts itself, or a loop is shorter than a slice
 */
export function clipLength(pipeline: Measured, request: LengthRequest): ClipLength {
  const { frameCount, isLoop = false, overlap } = request;
  const { mel: { frames, hopSamples } } = pipeline;
  if (overlap !== undefined) requireNumber('overlap', overlap, { min: 0, max: 0.9 });
  const sampleCount = sampleCountOf(pipeline, request);
  const columnFrames = framesPerColumn(pipeline);
  if (isLoop) {
    const drawnFrames = Math.round(sampleCount / hopSamples / columnFrames) * columnFrames;
    if (drawnFrames < frames) throw tooShort(pipeline, sampleCount);
    return { sampleCount, frameCount: drawnFrames, drawnFrames, isLoop, overlap: overlap ?? 0.5 };
  }
  const wanted = frameCount ?? 1 + Math.floor(sampleCount / hopSamples);
  const drawnFrames = Math.max(frames, Math.ceil(wanted / columnFrames) * columnFrames);
  return { sampleCount, frameCount: wanted, drawnFrames, isLoop, overlap: drawnFrames === frames ? null : (overlap ?? 0.5) };
}

function sampleCountOf({ mel: { frames, hopSamples, sampleRateHz, channels = 1 } }: Measured, { frameCount, seconds, tempo, isLoop = false }: LengthRequest): number {
  const given = Object.entries({ frameCount, seconds, tempo }).filter(([, value]) => value !== undefined).map(([name]) => name);
  if (given.length > 1) throw new MelstromError({ kind: 'usage', where: given.join(' and '), got: 'both', expected: 'one of them' });
  if (tempo !== undefined && !isLoop) throw new MelstromError({ kind: 'usage', where: 'tempo', got: 'one', expected: 'none, since the clip is no loop' });
  const most = MOST_SAMPLES / channels / sampleRateHz;
  const asked = tempo === undefined ? seconds : requireNumber('tempo: seconds', tempoSeconds(tempo), { max: most });
  if (asked !== undefined) return Math.round(requireNumber('seconds', asked, { min: 1 / sampleRateHz, max: most }) * sampleRateHz);
  const count = requireInteger('frameCount', frameCount ?? frames, { min: 1, max: Math.floor(MOST_SAMPLES / channels / hopSamples) });
  return isLoop ? count * hopSamples : Math.max(1, (count - 1) * hopSamples);
}

function tooShort({ mel: { frames, hopSamples, sampleRateHz } }: Measured, sampleCount: number): MelstromError {
  const inSeconds = (samples: number): string => `${(samples / sampleRateHz).toFixed(2)} s`;
  return new MelstromError({
    kind: 'usage', where: 'loop', got: inSeconds(sampleCount), expected: `at least ${inSeconds(frames * hopSamples)}, the length that the model draws at once`,
    fix: 'Ask for more bars or a slower tempo.',
  });
}

/** Frames that one column of what the UNet diffuses stands for. */
export function framesPerColumn(pipeline: Measured): number {
  return pipeline.mel.frames / sampleShape(pipeline)[1];
}

/** The shape of one item of what the UNet diffuses, at that length. */
export function drawnShape(pipeline: Measured, { drawnFrames }: Pick<ClipLength, 'drawnFrames'>): SampleShape {
  const [rows, , channels] = sampleShape(pipeline);
  return [rows, drawnFrames / framesPerColumn(pipeline), channels];
}

/** What the networks come to, at that length: the image itself where an upscaler follows the UNet, else what the UNet diffuses. */
export function resultShape(pipeline: Measured, length: Pick<ClipLength, 'drawnFrames'> = { drawnFrames: pipeline.mel.frames }): SampleShape {
  const { mel, upscaler } = pipeline;
  return upscaler === null ? drawnShape(pipeline, length) : [mel.melBins, length.drawnFrames, imageChannels(mel)];
}

/** Frames that one column of that stands for. */
export function framesPerResultColumn(pipeline: Measured): number {
  return pipeline.upscaler === null ? framesPerColumn(pipeline) : 1;
}

/** The shape of one item of what each network draws, one after the other: the UNet, and the upscaler where it is trained. */
export function networkShapes(pipeline: Measured, length: Pick<ClipLength, 'drawnFrames'> = { drawnFrames: pipeline.mel.frames }): readonly SampleShape[] {
  const first = drawnShape(pipeline, length);
  return pipeline.upscaler?.unet ? [first, resultShape(pipeline, length)] : [first];
}

/** The windows in columns of what the UNet diffuses, each of the width that it was trained on. */
export function columnWindows(pipeline: Measured, { drawnFrames, isLoop, overlap }: Pick<ClipLength, 'drawnFrames' | 'isLoop' | 'overlap'>): Windows {
  const columns = drawnFrames / framesPerColumn(pipeline);
  return spreadWindows({ length: columns, width: sampleShape(pipeline)[1], overlap: overlap ?? 0, isLoop });
}

/** The same windows in frames. */
export function frameWindows(pipeline: Measured, length: Pick<ClipLength, 'drawnFrames' | 'isLoop' | 'overlap'>): Windows {
  const { starts, isSideBySide } = columnWindows(pipeline, length);
  const columnFrames = framesPerColumn(pipeline);
  return { length: length.drawnFrames, width: pipeline.mel.frames, isSideBySide, starts: starts.map((start) => start * columnFrames) };
}
