// Decibels, of power and of amplitude.

/** Power → decibels re reference: 10·log10(power/reference). 0 gives -Infinity. */
export function powerToDb(power: number, reference = 1): number {
  return 10 * Math.log10(power / reference);
}

/** Decibels → power, the inverse of powerToDb. */
export function dbToPower(db: number, reference = 1): number {
  return reference * 10 ** (db / 10);
}

/** Amplitude → decibels re reference: 20·log10(|amplitude|/reference). 0 gives -Infinity. */
export function amplitudeToDb(amplitude: number, reference = 1): number {
  return 20 * Math.log10(Math.abs(amplitude) / reference);
}

/** Decibels → amplitude, the inverse of amplitudeToDb for amplitudes above 0. */
export function dbToAmplitude(db: number, reference = 1): number {
  return reference * 10 ** (db / 20);
}
