// The networks.
export { createAutoencoderKL, type AutoencoderKL, type NetworkOptions } from './autoencoder-kl.js';
export { createClipTextEncoder, type ClipTextEncoder, type TextStates } from './clip-text-encoder.js';
export type { AddedConditions } from './_condition-embedder.js';
export { averageChannels, decodeOneChannel, encodeOneChannel, repeatChannel } from './one-channel.js';
export { createPatchDiscriminator, type PatchDiscriminator, type PatchDiscriminatorConfig } from './patch-discriminator.js';
export { klPerItem, posteriorMode, samplePosterior, type Posterior } from './posterior.js';
export { createUnet2d, type Unet2d, type Unet2dInputs } from './unet-2d.js';
export { createUnet2dCondition, type Unet2dCondition, type Unet2dConditionInputs } from './unet-2d-condition.js';
export { createVocos, type MagnitudePrior, type Vocos } from './vocos.js';
