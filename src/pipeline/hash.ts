// A hash of a pipeline's weights, by which a clip says which model made it.
import { referenceFile } from '../nn/index.js';
import type { Pipeline } from './pipeline.js';

/** SHA-256 in hexadecimal digits. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Hash of the weights in use now, autoencoder, UNet, text encoder and upscaler, with the scale of latents: the same for a pipeline and for what it is
 * after save and load. Reads every weight: some 50 ms per ten million.
 */
export async function modelHash(pipeline: Pick<Pipeline, 'vae' | 'unet' | 'latentScale' | 'latentShift'> & Partial<Pick<Pipeline, 'text' | 'upscaler'>>): Promise<string> {
  const parts: string[] = [`${pipeline.latentScale} ${pipeline.latentShift}`];
  for (const network of [pipeline.vae, pipeline.unet, ...(pipeline.text ? [pipeline.text.encoder] : []), ...(pipeline.upscaler ? [pipeline.upscaler.unet] : [])]) {
    if (network === null) parts.push('-');
    else for (const piece of referenceFile(network.parameters)) parts.push(await sha256(piece));
  }
  return sha256(new TextEncoder().encode(parts.join('\n')));
}

/** Hash of what a clip depends on beside weights and codec: labels, noise, scheduler, the length that the networks know. */
export async function settingsHash({ labels, representation, vaeKind, diffusion, scheduler, mel }: Pick<Pipeline, 'labels' | 'representation' | 'vaeKind' | 'diffusion' | 'scheduler' | 'mel'>): Promise<string> {
  const settings = { labels, representation, vaeKind, diffusion, scheduler, frames: mel.frames };
  const inOrder = (_: string, value: unknown): unknown =>
    typeof value !== 'object' || value === null || Array.isArray(value) ? value : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sha256(new TextEncoder().encode(JSON.stringify(settings, inOrder)));
}
