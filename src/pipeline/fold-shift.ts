// Moves the shift of latents into the autoencoder's weights, for programs that know only their scale. Knows no file.
import type { AutoencoderKL } from '../models/index.js';

/**
 * Biases with which encoding gives latents that are already shifted, and decoding takes such: quant_conv subtracts the shift from the
 * means, post_quant_conv, a 1×1 convolution without padding, adds it back.
 *
 * @returns values by path in the reference's layout; null when the autoencoder lacks either convolution
 */
export function foldShift({ config, parameters }: AutoencoderKL, shift: number): Map<string, Float32Array> | null {
  if (!config.use_quant_conv || !config.use_post_quant_conv) return null;
  const channels = config.latent_channels;
  const values = (path: string): Float32Array => parameters.get(path).variable.dataSync<'float32'>();
  const before = values('quant_conv.bias').map((bias, channel) => (channel < channels ? bias - shift : bias));
  const weights = values('post_quant_conv.weight'); // [1, 1, in, out]
  const after = values('post_quant_conv.bias').map((bias, outChannel) => {
    let sum = 0;
    for (let inChannel = 0; inChannel < channels; inChannel += 1) sum += weights[inChannel * channels + outChannel];
    return bias + shift * sum;
  });
  return new Map([['quant_conv.bias', before], ['post_quant_conv.bias', after]]);
}
