// The public face of the mathematics of noise.
export { cumulativeAlphas, createBetas, rescaleToZeroTerminalSnr, TERMINAL_ALPHA_CUMPROD } from './betas.js';
export type { Denoiser } from './denoiser.js';
export { withGuidance, type GuidanceOptions } from './guidance.js';
export { lossWeightAt, minSnrWeight } from './loss-weights.js';
export { cleanWeights, denoiserFrom, fromOutput, targetWeights, toTarget, type PredictionNetwork } from './parameterisation.js';
export { createNoiseSchedule, karrasSigmas, type Mix, type NoiseSchedule } from './schedule.js';
export type { BetaSchedule, NoiseSettings, PredictionType, Spacing } from './settings.js';
export { noisyTrainingBatch, trainingTimestep } from './training-batch.js';
export { SAMPLER_NAMES, samplerByName, type SamplerName } from './samplers/by-name.js';
export { sampleDdim } from './samplers/ddim.js';
export { sampleDdpm } from './samplers/ddpm.js';
export { sampleDpmpp2m } from './samplers/dpmpp-2m.js';
export { sampleEuler } from './samplers/euler.js';
export { drawNoise, type Sampler, type SamplerOptions } from './samplers/sampler.js';
