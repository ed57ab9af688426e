import { describe, expect, it } from 'vitest';
import { deriveNetworks } from '../../src/config/derive.js';
import { parseRunConfig, resolveOverrides, stringifyRunConfig } from '../../src/config/run-config.js';

const PIXEL = 'corpus: { path: a }\nrepresentation: pixel\n';

describe('the block upscaler', () => {
  it('is not there unless asked for, and has defaults when it is', () => {
    expect(parseRunConfig(PIXEL, 'a.yaml').upscaler).toBeNull();
    const config = parseRunConfig(`${PIXEL}upscaler: {}`, 'a.yaml');
    expect(config.upscaler).toMatchObject({ factor: 2, noiseAugmentation: 0.1, labelDropout: 0.1, training: { steps: 2000 }, network: { block_out_channels: [64, 128, 192] } });
    expect(parseRunConfig(stringifyRunConfig(config), 'b.yaml')).toEqual(config);
    expect(resolveOverrides(parseRunConfig(PIXEL, 'a.yaml'), ['upscaler.factor=4']).upscaler!.factor).toBe(4);
  });

  it('decides what both networks work on', () => {
    const config = parseRunConfig(`${PIXEL}mel: { melBins: 64, frames: 96 }\nupscaler: { factor: 4 }`, 'a.yaml');
    const { unet, upscaler, sampleShape } = deriveNetworks(config, 3);
    expect(unet).toMatchObject({ in_channels: 1, out_channels: 1, sample_size: [16, 24], num_class_embeds: 4 });
    expect(upscaler).toMatchObject({ in_channels: 2, out_channels: 1, sample_size: [64, 96], num_class_embeds: 4 });
    expect(sampleShape).toEqual([16, 24, 1]);
    expect(deriveNetworks(config, 0).upscaler!.num_class_embeds).toBeNull();
    expect(deriveNetworks(parseRunConfig(PIXEL, 'a.yaml'), 3).upscaler).toBeNull();
  });

  it('gives the upscaler no classes where the first UNet goes by text', () => {
    const config = parseRunConfig(`${PIXEL}unet: { conditionNetwork: {} }\nupscaler: {}`, 'a.yaml');
    expect(deriveNetworks(config, 3).upscaler!.num_class_embeds).toBeNull();
  });

  it.each([
    ['corpus: { path: a }\nupscaler: {}', 'upscaler: got a block, expected null with the representation latent'],
    [`${PIXEL}upscaler: { factor: 3 }`, 'upscaler.factor: got 3, expected one of 2, 4'],
    [`${PIXEL}upscaler: { noiseAugmentation: 1.5 }`, 'upscaler.noiseAugmentation: got 1.5, expected a number in [0, 1]'],
    [`${PIXEL}upscaler: { noiseAugmentatoin: 0.1 }`, 'The nearest known key is upscaler.noiseAugmentation'],
    [`${PIXEL}upscaler: {}\nunet: { inpaintingShare: 0.5 }`, 'unet.inpaintingShare: got 0.5, expected 0, since the model draws a small image first'],
    [`${PIXEL}upscaler: { network: { in_channels: 1 } }`, 'upscaler.network.in_channels: got 1, expected 2: the noisy image and the enlarged small one. Leave it out'],
    [`${PIXEL}upscaler: { network: { out_channels: 2 } }`, 'upscaler.network.out_channels: got 2, expected 1'],
    [`${PIXEL}upscaler: { network: { class_embed_type: identity } }`, 'upscaler.network.class_embed_type: got identity'],
    [`${PIXEL}generation: { upscalerSteps: 4 }`, 'generation.upscalerSteps: got 4, expected null, since upscaler is null'],
    [`${PIXEL}upscaler: {}\ngeneration: { upscalerSteps: 2000 }`, 'generation.upscalerSteps: got 2000, expected at most diffusion.trainTimesteps (1000)'],
    [`${PIXEL}mel: { frames: 132 }\nupscaler: { factor: 4 }`, 'mel.frames: got 132, expected a multiple of 16: the UNet halves what is 4 times smaller 2 times, and the upscaler halves the whole image 2 times. Use 128 or 144, or fewer blocks in unet.network or upscaler.network, or a smaller upscaler.factor'],
  ])('refuses %j', (text, expected) => {
    expect(() => parseRunConfig(text, 'a.yaml')).toThrow(expected);
  });

  it('asks for what the deeper of both networks halves to', () => {
    const shallow = 'network: { down_block_types: [DownBlock2D], up_block_types: [UpBlock2D], block_out_channels: [32] }';
    expect(parseRunConfig(`${PIXEL}mel: { frames: 66 }\nunet: { ${shallow} }\nupscaler: { ${shallow} }`, 'a.yaml').mel.frames).toBe(66);
    expect(() => parseRunConfig(`${PIXEL}mel: { frames: 66 }\nunet: { ${shallow} }\nupscaler: {}`, 'a.yaml')).toThrow('a multiple of 4');
  });
});
