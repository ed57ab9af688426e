// A hash of a pipeline's weights, by which a clip says which model made it.
import { encodeSafetensors, toReference } from '../nn/index.js';
import type { Pipeline } from './pipeline.js';

/** SHA-256 in hexadecimal digits. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Hash of the weights in use now, autoencoder, UNet and text encoder, with the scale of latents: the same for a pipeline and for what it is
 * after save and load. Reads every weight: some 50 ms per ten million.
 */
export async function modelHash(pipeline: Pick<Pipeline, 'vae' | 'unet' | 'latentScale' | 'latentShift'> & Partial<Pick<Pipeline, 'text'>>): Promise<string> {
  const parts: string[] = [`${pipeline.latentScale} ${pipeline.latentShift}`];
  for (const network of [pipeline.vae, pipeline.unet]) {
    parts.push(network === null ? '-' : await sha256(encodeSafetensors(toReference(network.parameters))));
  }
  if (pipeline.text) parts.push(await sha256(encodeSafetensors(toReference(pipeline.text.encoder.parameters))));
  return sha256(new TextEncoder().encode(parts.join('\n')));
}
