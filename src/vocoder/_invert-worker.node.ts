// The work of a thread that inverts: one mel image to sound. Loads no engine.
import { workerTask } from '../base/worker-task.node.js';
import type { MelSettings } from '../config/mel.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { createGriffinLimVocoder, type GriffinLimVocoderOptions, type Inverter, type InverterRequest } from './griffin-lim-vocoder.js';

export interface InvertTask {
  readonly settings: MelSettings;
  readonly options: GriffinLimVocoderOptions;
  readonly image: MelImage;
  readonly asked: Omit<InverterRequest, 'around'>;
}

/** The vocoder of the last image: all of a job have one. */
let kept: { readonly key: string; readonly vocoder: Inverter } | null = null;

export const work = workerTask(({ settings, options, image, asked }: InvertTask) => {
  const key = JSON.stringify([settings, options]);
  if (kept?.key !== key) kept = { key, vocoder: createGriffinLimVocoder(settings, options) };
  return kept.vocoder.invert(image, asked);
}, ({ channels }) => channels.map(({ buffer }) => buffer));
