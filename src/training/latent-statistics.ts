// Mean and spread of samples from latent posteriors, exactly: the variance of a mixture needs no sampling. Pure.

export interface LatentStatistics {
  readonly mean: number;
  readonly deviation: number;
  readonly channelMeans: readonly number[];
  readonly channelDeviations: readonly number[];
}

interface Accumulator {
  /** @param records one after another: `elements` means [H, W, C], then as many standard deviations */
  add(records: Float32Array, elements: number): void;
  result(): LatentStatistics;
}

/** Sums up the posteriors of slices, for latents of a number of channels. */
export function createLatentStatistics(channels: number): Accumulator {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let countPerChannel = 0;
  return {
    add(records, elements) {
      for (let start = 0; start < records.length; start += 2 * elements) {
        for (let element = 0; element < elements; element += 1) {
          const mean = records[start + element];
          sums[element % channels] += mean;
          squares[element % channels] += mean ** 2 + records[start + elements + element] ** 2;
        }
        countPerChannel += elements / channels;
      }
    },
    result() {
      const count = Math.max(1, countPerChannel);
      const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / (count * channels);
      return {
        mean: total(sums),
        deviation: spread(total(squares), total(sums)),
        channelMeans: Array.from(sums, (sum) => sum / count),
        channelDeviations: Array.from(sums, (sum, channel) => spread(squares[channel] / count, sum / count)),
      };
    },
  };
}

function spread(meanSquare: number, mean: number): number {
  return Math.sqrt(Math.max(0, meanSquare - mean * mean));
}
