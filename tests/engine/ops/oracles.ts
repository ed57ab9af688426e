// Slow, obvious float64 versions of the operations, on flat arrays with channels last.

/** Values and shape in float64. */
export interface Grid {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function grid(shape: readonly number[], valueAt: (index: number) => number): Grid {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float64Array.from({ length: size }, (_, index) => valueAt(index)) };
}

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

export function siluOracle(x: Grid): Grid {
  return grid(x.shape, (index) => x.data[index] * sigmoid(x.data[index]));
}

export function groupNormOracle([x, gamma, beta]: readonly Grid[], groups: number, epsilon: number, silu: boolean): Grid {
  const [batch, height, width, channels] = x.shape;
  const groupWidth = channels / groups;
  const count = height * width * groupWidth;
  const groupOf = (index: number): number => Math.floor(index / (height * width * channels)) * groups + Math.floor((index % channels) / groupWidth);
  const mean = new Float64Array(batch * groups);
  const variance = new Float64Array(batch * groups);
  x.data.forEach((value, index) => (mean[groupOf(index)] += value / count));
  x.data.forEach((value, index) => (variance[groupOf(index)] += (value - mean[groupOf(index)]) ** 2 / count));
  return grid(x.shape, (index) => {
    const group = groupOf(index);
    const normalised = (x.data[index] - mean[group]) / Math.sqrt(variance[group] + epsilon);
    const linear = normalised * gamma.data[index % channels] + beta.data[index % channels];
    return silu ? linear * sigmoid(linear) : linear;
  });
}

interface ConvOracleOptions {
  readonly stride: number;
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

export function convOracle([x, kernel, bias, residual]: readonly Grid[], { stride, rows, columns }: ConvOracleOptions): Grid {
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, , outputs] = kernel.shape;
  const outHeight = Math.floor((height + rows[0] + rows[1] - kernelHeight) / stride) + 1;
  const outWidth = Math.floor((width + columns[0] + columns[1] - kernelWidth) / stride) + 1;
  return grid([batch, outHeight, outWidth, outputs], (index) => {
    const output = index % outputs;
    const column = Math.floor(index / outputs) % outWidth;
    const row = Math.floor(index / (outputs * outWidth)) % outHeight;
    const item = Math.floor(index / (outputs * outWidth * outHeight));
    let sum = (bias === undefined ? 0 : bias.data[output]) + (residual === undefined ? 0 : residual.data[index]);
    for (let i = 0; i < kernelHeight; i += 1) {
      for (let j = 0; j < kernelWidth; j += 1) {
        const y = row * stride + i - rows[0];
        const z = column * stride + j - columns[0];
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        for (let c = 0; c < channels; c += 1) {
          sum += x.data[((item * height + y) * width + z) * channels + c] * kernel.data[((i * kernelWidth + j) * channels + c) * outputs + output];
        }
      }
    }
    return sum;
  });
}

export function addPerItemOracle([x, embedding]: readonly Grid[]): Grid {
  const [, height, width, channels] = x.shape;
  return grid(x.shape, (index) => x.data[index] + embedding.data[Math.floor(index / (height * width * channels)) * channels + (index % channels)]);
}

export function addBiasOracle([x, bias]: readonly Grid[]): Grid {
  return grid(x.shape, (index) => x.data[index] + bias.data[index % bias.data.length]);
}

export function upsampleOracle(x: Grid): Grid {
  const [batch, height, width, channels] = x.shape;
  return grid([batch, 2 * height, 2 * width, channels], (index) => {
    const column = Math.floor(index / channels) % (2 * width);
    const row = Math.floor(index / (channels * 2 * width)) % (2 * height);
    const item = Math.floor(index / (channels * 4 * width * height));
    return x.data[((item * height + (row >> 1)) * width + (column >> 1)) * channels + (index % channels)];
  });
}

/** a [N, K] (or [K, N] transposed) times b [K, M] (or [M, K]), for each matrix of a stack. */
export function matMulOracle([a, b]: readonly Grid[], transposeA: boolean, transposeB: boolean): Grid {
  const [aRows, aColumns] = a.shape.slice(-2);
  const [bRows, bColumns] = b.shape.slice(-2);
  const rows = transposeA ? aColumns : aRows;
  const inner = transposeA ? aRows : aColumns;
  const columns = transposeB ? bRows : bColumns;
  return grid([...a.shape.slice(0, -2), rows, columns], (index) => {
    const column = index % columns;
    const row = Math.floor(index / columns) % rows;
    const matrix = Math.floor(index / (columns * rows));
    let sum = 0;
    for (let k = 0; k < inner; k += 1) {
      const left = a.data[matrix * aRows * aColumns + (transposeA ? k * aColumns + row : row * aColumns + k)];
      const right = b.data[matrix * bRows * bColumns + (transposeB ? column * bColumns + k : k * bColumns + column)];
      sum += left * right;
    }
    return sum;
  });
}

/** `bias` holds one number per item and key, added to the scores; isCausal: a query sees the keys up to its own position only. */
export function attentionOracle([q, k, v]: readonly Grid[], { bias = [], isCausal = false }: { readonly bias?: readonly number[]; readonly isCausal?: boolean } = {}): Grid {
  const [, queries, heads, width] = q.shape;
  const keys = k.shape[1];
  const at = (g: Grid, length: number, item: number, position: number, head: number, c: number): number =>
    g.data[((item * length + position) * heads + head) * width + c];
  return grid(q.shape, (index) => {
    const c = index % width;
    const head = Math.floor(index / width) % heads;
    const query = Math.floor(index / (width * heads)) % queries;
    const item = Math.floor(index / (width * heads * queries));
    const scores = Array.from({ length: keys }, (_, key) => {
      if (isCausal && key > query) return 0;
      let dot = 0;
      for (let d = 0; d < width; d += 1) dot += at(q, queries, item, query, head, d) * at(k, keys, item, key, head, d);
      return Math.exp(dot / Math.sqrt(width) + (bias[item * keys + key] ?? 0));
    });
    const total = scores.reduce((sum, score) => sum + score, 0);
    return scores.reduce((sum, score, key) => sum + (score / total) * at(v, keys, item, key, head, c), 0);
  });
}

export function layerNormOracle([x, gamma, beta]: readonly Grid[], epsilon: number): Grid {
  const width = gamma.data.length;
  return grid(x.shape, (index) => {
    const vector = x.data.slice(index - (index % width), index - (index % width) + width);
    const mean = vector.reduce((sum, value) => sum + value, 0) / width;
    const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    return ((x.data[index] - mean) / Math.sqrt(variance + epsilon)) * gamma.data[index % width] + beta.data[index % width];
  });
}

/** The error function by its power series, good for |x| < 5. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n += 1) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const gelu = (value: number): number => 0.5 * value * (1 + erf(value / Math.SQRT2));

export function geluOracle(x: Grid): Grid {
  return grid(x.shape, (index) => gelu(x.data[index]));
}

export function gegluOracle(x: Grid): Grid {
  const width = x.shape[x.shape.length - 1] / 2;
  return grid([...x.shape.slice(0, -1), width], (index) => {
    const start = Math.floor(index / width) * 2 * width + (index % width);
    return x.data[start] * gelu(x.data[start + width]);
  });
}

export function averagePoolOracle(x: Grid): Grid {
  const [batch, height, width, channels] = x.shape;
  return grid([batch, height / 2, width / 2, channels], (index) => {
    const c = index % channels;
    const column = Math.floor(index / channels) % (width / 2);
    const row = Math.floor(index / channels / (width / 2)); // over all items, whose rows are even in number
    const at = (dy: number, dx: number): number => x.data[((2 * row + dy) * width + 2 * column + dx) * channels + c];
    return (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
  });
}

export function depthwiseConvOracle([x, kernel]: readonly Grid[]): Grid {
  const [, frames, channels] = x.shape;
  const [size] = kernel.shape;
  return grid(x.shape, (index) => {
    const frame = Math.floor(index / channels) % frames;
    let sum = 0;
    for (let place = 0; place < size; place += 1) {
      const moved = place - (size - 1) / 2;
      if (frame + moved >= 0 && frame + moved < frames) sum += kernel.data[place * channels + (index % channels)] * x.data[index + moved * channels];
    }
    return sum;
  });
}

export function realDftOracle({ shape: [rows, size], data }: Grid): Grid {
  const bins = size / 2 + 1;
  return grid([rows, 2 * bins], (index) => {
    const [row, column] = [Math.floor(index / (2 * bins)), index % (2 * bins)];
    const turn = (sample: number): number => (-2 * Math.PI * (column % bins) * sample) / size;
    let sum = 0;
    for (let sample = 0; sample < size; sample += 1) sum += data[row * size + sample] * (column < bins ? Math.cos(turn(sample)) : Math.sin(turn(sample)));
    return sum;
  });
}

/** Over all frequencies, the negative ones as mirror images. */
export function inverseRealDftOracle({ shape: [rows, width], data }: Grid): Grid {
  const [bins, size] = [width / 2, width - 2];
  return grid([rows, size], (index) => {
    const [row, sample] = [Math.floor(index / size), index % size];
    let sum = 0;
    for (let frequency = 0; frequency < size; frequency += 1) {
      const isMirrored = frequency >= bins;
      const bin = isMirrored ? size - frequency : frequency;
      const [re, im] = [data[row * width + bin], data[row * width + bins + bin]];
      const turn = (2 * Math.PI * frequency * sample) / size;
      sum += re * Math.cos(turn) - (isMirrored ? -im : im) * Math.sin(turn);
    }
    return sum / size;
  });
}

/** Gradient of sum(weights · f(inputs)) for one input, by central differences in float64. */
export function differenceGradient(f: (inputs: readonly Grid[]) => Grid, inputs: readonly Grid[], which: number, weights: Grid): Grid {
  const step = 1e-5;
  const lossAt = (element: number, offset: number): number => {
    const moved = inputs.map((input, index) => (index === which ? { shape: input.shape, data: input.data.slice() } : input));
    moved[which].data[element] += offset;
    return f(moved).data.reduce((sum, value, index) => sum + value * weights.data[index], 0);
  };
  return grid(inputs[which].shape, (element) => (lossAt(element, step) - lossAt(element, -step)) / (2 * step));
}
