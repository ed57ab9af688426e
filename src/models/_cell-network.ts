// What a spectrum lacks, cell by cell: convolutions over time and frequency, the same at every pitch. Knows no loss and no codec.
import * as tf from '@tensorflow/tfjs';
import type { VocosConfig } from '../config/vocoder.js';
import { checkpointed } from '../nn/checkpoint.js';
import { normal } from '../nn/initialisers.js';
import { createConv2d, createLinear } from '../nn/layers.js';
import { gelu } from '../nn/operations.js';
import type { ParameterScope } from '../nn/parameters.js';
import { startFeatures } from './_start-spectrum.js';

/** Neighbouring bins that lie in one place of the network's image, side by side in its channels: a quarter of the places, and of the work. With eight it learns less. */
const GROUP_BINS = 4;
const SAME = { kernelSize: 3, padding: [1, 1] } as const;
/** So small that what comes out at first is what went in. */
const NEARLY_NOTHING = normal(0.002);

/** Gain and turn of every cell. Shape: [B, N, F] each. Unit: nepers, radians. */
export interface CellChange {
  readonly logGain: tf.Tensor3D;
  readonly turn: tf.Tensor3D;
}

/** Frames to either side that the change of a frame depends on; of the first of them the phase before it is seen too. */
export function cellContextFrames({ cell_layers: layers }: Pick<VocosConfig, 'cell_layers'>): number {
  return 1 + 2 * layers + 1;
}

/**
 * Creates the network. It sees of a spectrum what startFeatures tells, and where on the frequency axis it looks; the highest bin stays as it is.
 * Parameters: embed, blocks (each expand and contract, added to what goes in), out.
 *
 * Shape: start [B, N, 2·F] -> [B, N, F] twice. Memory: for use inside tf.tidy or a gradient.
 */
export function createCellNetwork(scope: ParameterScope, config: VocosConfig): (start: tf.Tensor3D) => CellChange {
  const { cell_dim: channels, cell_layers: layers, n_fft: size } = config;
  const bins = size / 2;
  const group = Math.min(GROUP_BINS, bins);
  const places = bins / group;
  const embed = createConv2d(scope.at('embed'), { inChannels: 3 * group + 2, outChannels: channels, ...SAME });
  const blocks = Array.from({ length: layers }, (_, index) => checkpointed<tf.Tensor4D, object>(scope.at('blocks', index), [], (own) => createBlock(own, channels)));
  const out = createLinear(scope.at('out'), { inChannels: channels, outChannels: 2 * group, initialise: NEARLY_NOTHING });
  return (start) => {
    const [batch, frames] = start.shape;
    const grouped = tf.split(startFeatures(start, config), 3, 2).map((part) => tf.reshape(tf.slice(part, [0, 0, 0], [batch, frames, bins]), [batch, frames, places, group]));
    const heights = tf.tile(tf.tensor4d(placesOf(places), [1, 1, places, 2]), [batch, frames, 1, 1]);
    const image = tf.concat([...grouped, heights], 3) as tf.Tensor4D; // [B, N, F/4, 3·4 + 2]
    const hidden = blocks.reduce((value, block) => block(value, {}), embed(image));
    const [logGain, turn] = tf.split(out(gelu(hidden)), 2, 3).map((part) => tf.pad(tf.reshape(part, [batch, frames, bins]), [[0, 0], [0, 0], [0, 1]]) as tf.Tensor3D);
    return { logGain, turn };
  };
}

function createBlock(scope: ParameterScope, channels: number): (x: tf.Tensor4D) => tf.Tensor4D {
  const sizes = { inChannels: channels, outChannels: channels, ...SAME };
  const expand = createConv2d(scope.at('expand'), sizes);
  const contract = createConv2d(scope.at('contract'), sizes);
  return (x) => contract(gelu(expand(gelu(x))), x);
}

/** Of every place how high it lies, from -1 to 1, and the square of that. Shape: [places*2]. */
function placesOf(places: number): Float32Array {
  return Float32Array.from({ length: 2 * places }, (_, index) => ((2 * Math.floor(index / 2)) / places - 1) ** (1 + (index % 2)));
}
