// A stretch of time and a band of pitch within a sound, and the part of a signal that lies in them. Knows no spectrogram.
import { MelstromError } from '../base/errors.js';
import { createRealFft } from '../dsp/real-fft.js';

/** What of a sound is meant; what is left out reaches to its end on that side. */
export interface Region {
  /** Unit: seconds from the start of the sound. Default 0. */
  readonly fromSeconds?: number;
  /** Default the end of the sound. */
  readonly toSeconds?: number;
  /** Unit: hertz. Default 0. */
  readonly lowHz?: number;
  /** Default half of the sample rate. */
  readonly highHz?: number;
}

/** A region of one sound, in samples and hertz, with nothing left open. */
export interface PlacedRegion {
  readonly fromSample: number;
  /** The first sample behind it. */
  readonly toSample: number;
  readonly lowHz: number;
  readonly highHz: number;
}

interface SoundSize {
  readonly sampleRateHz: number;
  readonly sampleCount: number;
}

/**
 * Places a region in a sound.
 *
 * @throws MelstromError of kind 'usage' when it does not lie within the sound, or holds nothing
 */
export function placeRegion({ fromSeconds = 0, toSeconds, lowHz = 0, highHz }: Region, { sampleRateHz, sampleCount }: SoundSize): PlacedRegion {
  const seconds = sampleCount / sampleRateHz;
  requireWithin('region: from and to', [fromSeconds, toSeconds ?? seconds], { largest: seconds, unit: 's' });
  requireWithin('region: low and high', [lowHz, highHz ?? sampleRateHz / 2], { largest: sampleRateHz / 2, unit: 'Hz' });
  const [fromSample, toSample] = [Math.round(fromSeconds * sampleRateHz), Math.min(sampleCount, Math.round((toSeconds ?? seconds) * sampleRateHz))];
  if (fromSample >= toSample) throw emptyRegion('region: from and to', `${fromSeconds} and ${toSeconds} s, which holds no sample`);
  return { fromSample, toSample, lowHz, highHz: highHz ?? sampleRateHz / 2 };
}

function requireWithin(where: string, [from, to]: readonly [number, number], { largest, unit }: { readonly largest: number; readonly unit: string }): void {
  if (!(from >= 0 && to <= largest + 1e-9)) {
    throw new MelstromError({
      kind: 'usage', where, got: `${from} and ${to} ${unit}`, expected: `within 0 and ${Number(largest.toFixed(4))} ${unit}`, fix: 'A region lies inside the sound.',
    });
  }
  if (!(from < to)) throw emptyRegion(where, `${from} and ${to} ${unit}`);
}

function emptyRegion(where: string, got: string): MelstromError {
  return new MelstromError({ kind: 'usage', where, got, expected: 'the first below the second' });
}

/** How soft a region's borders are. Both lie inside it, so that nothing outside is touched. */
export interface RegionEdges {
  /** Unit: seconds of fading at the start and the end, or half of a region that is shorter. None at an end of the sound. Default 0.01; of a fill half a window of the codec. */
  readonly fadeSeconds?: number;
  /** Share of an octave over which a band begins and ends, or half of a band that is narrower. None at 0 and at half of the rate. Default 1/6. */
  readonly fadeOctaves?: number;
}

/**
 * Creates what keeps of a signal the part inside a region, the same linear map each time: a band by one transform of the whole signal
 * with no delay, then a stretch of time. Before and behind the stretch the result is 0; where the stretch is the whole signal, so is
 * its spectrum outside the band, to the rounding of float32 and but for what rings past the signal's two ends.
 *
 * Shape: [T], T being the size that was given. Mutates: the signal.
 */
export function createRegionLimit(region: PlacedRegion, { sampleRateHz, sampleCount }: SoundSize, { fadeSeconds = 0.01, fadeOctaves = 1 / 6 }: RegionEdges = {}): (signal: Float32Array) => void {
  const weights = timeWeights(region, sampleCount, fadeSeconds * sampleRateHz);
  const isWholeBand = region.lowHz === 0 && region.highHz >= sampleRateHz / 2;
  const limitBand = isWholeBand ? null : createBandLimit(region, { sampleRateHz, sampleCount }, fadeOctaves);
  return (signal) => {
    limitBand?.(signal);
    for (let index = 0; index < signal.length; index += 1) signal[index] *= weights[index];
  };
}

/** A sound whose part inside a region is that of another one; outside it is the very same numbers. Shape: [T] and [T] -> [T]. */
export function replaceWithin(limit: (signal: Float32Array) => void, { samples, made }: { readonly samples: Float32Array; readonly made: Float32Array }): Float32Array {
  const difference = made.map((value, index) => value - samples[index]);
  limit(difference);
  return samples.map((value, index) => value + difference[index]);
}

/** 1 inside, 0 outside, half a cosine between the two, inside. */
function timeWeights({ fromSample, toSample }: PlacedRegion, sampleCount: number, fadeSamples: number): Float32Array {
  const fade = Math.max(1, Math.min(fadeSamples, (toSample - fromSample) / 2));
  return Float32Array.from({ length: sampleCount }, (_, index) => {
    if (index < fromSample || index >= toSample) return 0;
    const rise = fromSample === 0 ? 1 : (index + 1 - fromSample) / (fade + 1);
    const fall = toSample === sampleCount ? 1 : (toSample - index) / (fade + 1);
    return easeIn(rise) * easeIn(fall);
  });
}

function createBandLimit({ lowHz, highHz }: PlacedRegion, { sampleRateHz, sampleCount }: SoundSize, fadeOctaves: number): (signal: Float32Array) => void {
  const size = Math.max(8, 2 ** Math.ceil(Math.log2(2 * sampleCount))); // as much silence again, so that nothing rings round from end to start
  const fft = createRealFft(size);
  const narrow = (highHz - lowHz) / 2;
  const [lowFade, highFade] = [Math.min(narrow, lowHz * (2 ** fadeOctaves - 1)), Math.min(narrow, highHz * (1 - 2 ** -fadeOctaves))];
  const weights = Float64Array.from({ length: fft.binCount }, (_, bin) => {
    const hz = (bin * sampleRateHz) / size;
    const rise = lowHz === 0 ? 1 : (hz - lowHz) / lowFade;
    const fall = highHz >= sampleRateHz / 2 ? 1 : (highHz - hz) / highFade;
    return easeIn(rise) * easeIn(fall);
  });
  const [frame, re, im] = [new Float64Array(size), new Float64Array(fft.binCount), new Float64Array(fft.binCount)];
  return (signal) => {
    frame.fill(0);
    frame.set(signal);
    fft.forward(frame, re, im);
    weights.forEach((weight, bin) => {
      re[bin] *= weight;
      im[bin] *= weight;
    });
    fft.inverse(re, im, frame);
    signal.set(frame.subarray(0, signal.length));
  };
}

/** From 0 to 1 as half a cosine, and flat beyond. */
function easeIn(share: number): number {
  return 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, Math.max(0, share)));
}
