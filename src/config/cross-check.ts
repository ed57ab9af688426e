// Checks that need more than one block of the configuration. Knows no network, only what the blocks' numbers imply.
import type { z } from 'zod';
import { chosenUnet, inpaintingChannels, sizeMultiple, upscalerChannels, vaeDownsampling, unetDownsampling } from './derive.js';
import { imageChannels } from './mel-layout.js';
import type { ConfigProblem } from './problems.js';
import type { runConfigSchema } from './schema.js';
import { stereoProblems } from './stereo.js';
import { vocoderProblems } from './vocoder.js';

type Config = z.output<typeof runConfigSchema>;

/**
 * Everything that does not fit together, each with a fix in words.
 *
 * @param areNetworksKnown false before the networks of an initial pipeline are filled in
 */
export function crossCheck(config: Config, areNetworksKnown = true): ConfigProblem[] {
  const networks = areNetworksKnown ? [...checkSizes(config), ...checkCrop(config), ...checkChannels(config), ...checkText(config), ...checkUpscaler(config)] : [];
  return [...networks, ...stereoProblems(config, areNetworksKnown), ...checkCorpus(config), ...checkSteps(config), ...checkInitial(config), ...vocoderProblems(config)];
}

function checkSizes({ mel, representation, vae, unet, upscaler }: Config): ConfigProblem[] {
  const isLatent = representation === 'latent';
  const vaeFactor = isLatent ? vaeDownsampling(vae.network) : 1;
  const unetFactor = unetDownsampling(chosenUnet(unet));
  const factor = sizeMultiple({ vae: isLatent ? vae.network : null, unet: chosenUnet(unet), upscaler: isLatent ? null : upscaler });
  const reason = isLatent
    ? `a multiple of ${factor}: the autoencoder halves ${Math.log2(vaeFactor)} times and the UNet ${Math.log2(unetFactor)} times`
    : upscaler === null
      ? `a multiple of ${factor}: the UNet halves ${Math.log2(unetFactor)} times`
      : `a multiple of ${factor}: the UNet halves what is ${upscaler.factor} times smaller ${Math.log2(unetFactor)} times, and the upscaler halves the whole image ${Math.log2(unetDownsampling(upscaler.network))} times`;
  return (['melBins', 'frames'] as const)
    .filter((key) => mel[key] % factor !== 0)
    .map((key) => ({
      key: `mel.${key}`,
      got: String(mel[key]),
      expected: reason,
      fix: `Use ${nearestMultiples(mel[key], factor)}, or fewer blocks in ${isLatent ? 'vae.network or ' : ''}unet.network${upscaler === null || isLatent ? '' : ' or upscaler.network, or a smaller upscaler.factor'}.`,
    }));
}

function checkCrop({ mel, vae }: Config): ConfigProblem[] {
  const factor = vaeDownsampling(vae.network);
  const frames = vae.cropFrames;
  if (frames === null || (frames % factor === 0 && frames <= mel.frames)) return [];
  const expected = `a multiple of ${factor}, the autoencoder's halvings, and at most mel.frames (${mel.frames})`;
  return [{ key: 'vae.cropFrames', got: String(frames), expected, fix: `Use ${frames > mel.frames ? mel.frames : nearestMultiples(frames, factor)}.` }];
}

function nearestMultiples(value: number, factor: number): string {
  const below = Math.floor(value / factor) * factor;
  return below === 0 ? String(factor) : `${below} or ${below + factor}`;
}

function checkChannels({ mel, representation, vae, unet, initialPipeline, initialChannels }: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const image = imageChannels(mel);
  const ofImage = image === 1 ? '1, as a spectrogram has one channel' : `${image}: mid, side and panning of mel.channels ${mel.channels}`;
  const latent = representation === 'latent' ? vae.network.latent_channels : image;
  const isRepeated = image === 1 && initialPipeline !== null && initialChannels === 'repeat'; // a network for images of several channels may see one in all
  for (const key of ['in_channels', 'out_channels'] as const) {
    const channels = chosenUnet(unet)[key];
    const isForInpainting = key === 'in_channels' && unet.inpaintingShare !== 0 && (unet.inpaintingShare !== null || channels === inpaintingChannels(latent));
    const wanted = isForInpainting ? inpaintingChannels(latent) : latent;
    if (channels !== null && channels !== wanted && !(isRepeated && representation === 'pixel' && unet.inpaintingShare === null)) {
      problems.push({
        key: `unet.${unet.conditionNetwork === null ? 'network' : 'conditionNetwork'}.${key}`,
        got: String(channels),
        expected: isForInpainting ? `${wanted}: noisy sample, mask and kept sample, as unet.inpaintingShare asks` : representation === 'latent' ? `${latent}, as vae.network.latent_channels` : ofImage,
        fix: isRepeated && representation === 'pixel' ? 'Set initialChannels to adapt, or unet.inpaintingShare to null.' : channels === inpaintingChannels(latent) ? 'Set unet.inpaintingShare above 0: the UNet is one for inpainting.' : 'Leave it out: it is derived.',
      });
    }
    if (vae.network[key] !== 1 && vae.network[key] !== image && !isRepeated) {
      problems.push({ key: `vae.network.${key}`, got: String(vae.network[key]), expected: ofImage });
    }
  }
  if (unet.network.class_embed_type === 'identity') {
    const key = 'unet.network.class_embed_type';
    problems.push({ key, got: 'identity', expected: 'null or timestep, as training numbers its labels and has no vectors for them', fix: 'Leave it out.' });
  }
  return problems;
}

function checkUpscaler({ mel, representation, unet, upscaler, generation }: Config): ConfigProblem[] {
  if (upscaler === null) {
    const { upscalerSteps } = generation;
    return upscalerSteps === null ? [] : [{ key: 'generation.upscalerSteps', got: String(upscalerSteps), expected: 'null, since upscaler is null' }];
  }
  if (representation === 'latent') {
    const expected = 'null with the representation latent, where the autoencoder is the way to a smaller image already';
    return [{ key: 'upscaler', got: 'a block', expected, fix: 'Set representation to pixel, or leave upscaler out.' }];
  }
  if ((unet.inpaintingShare ?? 0) > 0) {
    return [{ key: 'unet.inpaintingShare', got: String(unet.inpaintingShare), expected: '0, since the model draws a small image first; it fills and extends without', fix: 'Leave it out.' }];
  }
  const { network } = upscaler;
  const wanted = upscalerChannels(mel);
  const channels = (['in_channels', 'out_channels'] as const)
    .filter((key) => network[key] !== null && network[key] !== wanted[key])
    .map((key) => ({ key: `upscaler.network.${key}`, got: String(network[key]), expected: key === 'in_channels' ? `${wanted[key]}: the noisy image and the enlarged small one` : mel.channels === 1 ? '1, as a spectrogram has one channel' : `${wanted[key]}: mid, side and panning`, fix: 'Leave it out: it is derived.' }));
  if (network.class_embed_type !== 'identity') return channels;
  return [...channels, { key: 'upscaler.network.class_embed_type', got: 'identity', expected: 'null or timestep, as training numbers its labels and has no vectors for them', fix: 'Leave it out.' }];
}

function checkText({ corpus, unet, initialPipeline }: Config): ConfigProblem[] {
  const isUnread = unet.conditionNetwork === null;
  const deaf = 'null, since unet.conditionNetwork is null: the UNet attends to no text';
  const needsEncoder = corpus.captionColumn !== null && !isUnread && unet.textEncoder === null && initialPipeline === null;
  return [
    ...(corpus.captionColumn !== null && isUnread ? [{ key: 'corpus.captionColumn', got: corpus.captionColumn, expected: deaf }] : []),
    ...(unet.textEncoder !== null && isUnread ? [{ key: 'unet.textEncoder', got: unet.textEncoder, expected: deaf }] : []),
    ...(needsEncoder
      ? [{ key: 'unet.textEncoder', got: 'null', expected: 'a folder with text_encoder/ and tokenizer/, since there are captions to read', fix: 'Name the folder of a model that has them, such as Stable Diffusion 1.x as the diffusers library saves it.' }]
      : []),
  ];
}

function checkInitial({ initialPipeline, vae }: Config): ConfigProblem[] {
  if (initialPipeline !== null) return [];
  const expected = 'initialPipeline, whose it is';
  return [
    ...(vae.trainable ? [] : [{ key: 'vae.trainable', got: 'false without initialPipeline', expected }]),
    ...(vae.latentScale === 'keep' ? [{ key: 'vae.latentScale', got: 'keep without initialPipeline', expected }] : []),
  ];
}

function checkCorpus({ corpus, mel }: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const repeated = corpus.labels.filter((label, index) => corpus.labels.indexOf(label) !== index);
  if (repeated.length > 0) problems.push({ key: 'corpus.labels', got: `${repeated.join(', ')} more than once`, expected: 'each label once' });
  if (corpus.sliceHopFrames !== null && corpus.sliceHopFrames > mel.frames) {
    problems.push({
      key: 'corpus.sliceHopFrames',
      got: String(corpus.sliceHopFrames),
      expected: `at most mel.frames (${mel.frames})`,
      fix: 'A longer hop would leave sound out between slices.',
    });
  }
  return problems;
}

function checkSteps({ diffusion, generation }: Config): ConfigProblem[] {
  return (['steps', 'upscalerSteps'] as const)
    .filter((key) => (generation[key] ?? 0) > diffusion.trainTimesteps)
    .map((key) => ({ key: `generation.${key}`, got: String(generation[key]), expected: `at most diffusion.trainTimesteps (${diffusion.trainTimesteps})` }));
}
