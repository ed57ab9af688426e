// The one interface of everything that turns a clip into a vector that distributions of clips are compared by.

export interface Embedding {
  /** Short and distinct: scores of different names are never comparable. */
  readonly name: string;
  /** Everything that decides its values, in words, for the report. */
  readonly description: string;
  /** The rate at which it wants its sound. */
  readonly sampleRateHz: number;
  /** Shape: [T] -> [d]. Clips that are compared have one length. */
  embed(signal: Float32Array): Promise<Float64Array>;
}
