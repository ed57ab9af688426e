// What is written beside each clip: everything needed to draw it again. Knows no file.
import type { InversionReport } from '../vocoder/inversion-report.js';

/** The content of a clip's JSON file. */
export interface Sidecar {
  /** null: drawn without a label, or the model has none. */
  readonly label: string | null;
  /** null: the model follows no text. */
  readonly prompt: string | null;
  readonly negativePrompt: string | null;
  readonly seed: number;
  /** A sampler's name; the reference's class where the pipeline's own scheduler was used; `vae-prior` for the autoencoder alone. */
  readonly sampler: string;
  /** Noise levels of a named sampler; null where it has none to choose. */
  readonly spacing: string | null;
  readonly steps: number;
  /** The small image was drawn in `steps`, then the whole one in these, 0 where the upscaler was not trained yet; null: the model draws the whole image at once. */
  readonly upscaler: { readonly factor: number; readonly steps: number } | null;
  /** null where there is no label or text to follow. */
  readonly guidance: number | null;
  readonly guidanceRescale: number;
  /** null for samplers that have none. */
  readonly eta: number | null;
  readonly vocoder: string;
  /** How near the vocoder came to the image that was drawn. */
  readonly inversion: InversionReport;
  readonly frameCount: number;
  readonly sampleRateHz: number;
  readonly durationSeconds: number;
  /** Hashes: of the weights by SHA-256, of the mel codec as in its images. */
  readonly hashes: { readonly model: string; readonly codec: string };
  readonly engine: { readonly name: string; readonly tensorflowJs: string };
  readonly version: string;
}
