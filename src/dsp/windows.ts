// Analysis windows.

/** The periodic Hann window: sin²(πn/count), the kind whose shifted copies add up to a constant. Shape: [count]. */
export function hannWindow(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => Math.sin((Math.PI * index) / count) ** 2);
}

/** A Hann window of windowSamples in the middle of fftSize samples of zero. Shape: [fftSize]. */
export function centredHannWindow(windowSamples: number, fftSize: number): Float64Array {
  const window = new Float64Array(fftSize);
  window.set(hannWindow(windowSamples), Math.floor((fftSize - windowSamples) / 2));
  return window;
}

/**
 * The factor that makes a sine of amplitude 1 in the middle of a bin read as magnitude 1 under this window: 2/Σw.
 * Unit: multiply a magnitude of the transform by it to get full scale = 1.
 */
export function fullScaleFactor(window: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < window.length; index += 1) sum += window[index];
  return 2 / sum;
}
