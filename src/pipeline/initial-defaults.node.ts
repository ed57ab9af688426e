// What the folder of an initial pipeline says to the configuration that retrains it.
import { MelstromError } from '../base/errors.js';
import type { InitialDefaults } from '../config/initial.js';
import type { RunConfig } from '../config/run-config.js';
import { findPipeline } from './find-pipeline.node.js';
import type { FoundPipeline } from './found-pipeline.js';
import { unetConfigUnder, vaeConfigUnder } from './open-networks.node.js';
import { isConditionConfig } from './unet-classes.js';

/**
 * Reads the folder's configurations: a pipeline of ours, a run, or one that diffusers made. No weight is read.
 *
 * @throws MelstromError as findPipeline does
 */
export async function readInitialDefaults(folder: string, config: RunConfig): Promise<InitialDefaults> {
  return initialDefaults(await findPipeline(folder), config);
}

/** Networks under the rule for channels, and whatever the folder says of sound and noise. */
export function initialDefaults(found: FoundPipeline, { initialChannels: channels, unet: { classTable, inpaintingShare } }: Pick<RunConfig, 'initialChannels' | 'unet'>): InitialDefaults {
  const { representation, vaeKind, vae, unet, mel, diffusion, folder } = found;
  if (found.upscaler !== null) {
    throw new MelstromError({ kind: 'configuration', where: `initialPipeline ${folder}`, got: 'a pipeline with an upscaler', expected: 'one whose UNet draws the whole image', fix: 'Train anew with the block upscaler, or resume the run itself.' });
  }
  return {
    representation,
    ...(mel === null ? {} : { mel }),
    ...(diffusion === null ? {} : { diffusion }),
    ...(vae === null ? {} : { vae: { kind: vaeKind, network: vaeConfigUnder(vae, channels) } }),
    unet: unet === null ? { classTable: 'new' } : unetNetwork({ ...found, unet }, { channels, classTable, isForInpainting: (inpaintingShare ?? 0) > 0 }),
  };
}

/** The size is derived from the mel settings, and the number of classes of a new table from the corpus. */
function unetNetwork(found: FoundPipeline & { unet: NonNullable<FoundPipeline['unet']> }, { channels, classTable, isForInpainting }: { channels: 'repeat' | 'adapt'; classTable: 'keep' | 'new'; isForInpainting: boolean }): NonNullable<InitialDefaults['unet']> {
  const config = { ...unetConfigUnder(found, { channels, isForInpainting }), sample_size: null };
  if (isConditionConfig(config)) return { conditionNetwork: config }; // its classes are replaced when the labels are known
  return { network: classTable === 'new' ? { ...config, num_class_embeds: null } : config, conditionNetwork: null };
}
