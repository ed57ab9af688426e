import { describe, expect, it } from 'vitest';
import { MelstromError } from '../../src/base/errors.js';
import { deriveNetworks } from '../../src/config/derive.js';
import { checkRunConfig, parseRunConfig, resolveOverrides, stringifyRunConfig } from '../../src/config/run-config.js';

const MINIMAL = 'corpus: { path: sounds }';

function errorOf(job: () => unknown): MelstromError {
  try {
    job();
  } catch (error) {
    expect(error).toBeInstanceOf(MelstromError);
    expect((error as MelstromError).kind).toBe('configuration');
    return error as MelstromError;
  }
  throw new Error('nothing was thrown');
}

describe('parseRunConfig', () => {
  it('needs nothing but corpus.path', () => {
    const config = parseRunConfig(MINIMAL, 'a.yaml');
    expect(config.corpus.path).toBe('sounds');
    expect(config.mel.melBins).toBe(80);
    expect(config.unet.training.steps).toBeGreaterThan(0);
    expect(config.vae.network.block_out_channels).toEqual([32, 64, 128]);
  });

  it('freezes all the way down', () => {
    const config = parseRunConfig(MINIMAL, 'a.yaml');
    expect(() => ((config.unet.training as { steps: number }).steps = 1)).toThrow(TypeError);
    expect(() => (config.vae.network.block_out_channels as number[]).push(1)).toThrow(TypeError);
    expect(Object.isFrozen(config.unet.training.augment)).toBe(true);
  });

  it('names file, key path, nearest known key and what was expected for an unknown key', () => {
    const { message } = errorOf(() => parseRunConfig('corpus: { path: x }\nunet: { training: { stepz: 3 } }', 'drums.yaml'));
    expect(message).toContain('drums.yaml: unet.training.stepz: got an unknown key, expected one of steps, maxMinutes');
    expect(message).toContain('The nearest known key is unet.training.steps.');
  });

  it('says where a key belongs that stands in the wrong block', () => {
    const { message } = errorOf(() => parseRunConfig('corpus: { path: x }\nlatent_channels: 4', 'a.yaml'));
    expect(message).toContain('Key latent_channels belongs in vae.network.latent_channels.');
  });

  it('lists every problem, not only the first', () => {
    const text = 'seed: -1\ncorpus: { pth: x, maxBadShare: 2 }\nmel: { melBins: eighty }\nunet: { training: { augment: { gain: 1 } } }\ngeneration: { sampler: dpmpp }';
    const { message } = errorOf(() => parseRunConfig(text, 'a.yaml'));
    expect(message).toContain('a.yaml: 7 problems');
    expect(message).toContain('seed: got -1, expected an integer in [0, 4294967295]');
    expect(message).toContain('corpus.path: got nothing, expected text');
    expect(message).toContain('The nearest known key is corpus.path');
    expect(message).toContain('corpus.maxBadShare: got 2, expected a number in [0, 1]');
    expect(message).toContain('mel.melBins: got "eighty", expected an integer in [4, 1024]');
    expect(message).toContain('The nearest known key is unet.training.augment.gainDb');
    expect(message).toContain('generation.sampler: got "dpmpp", expected one of dpmpp2m, ddim, ddpm, euler, euler-ancestral, heun, pndm, scheduler. Did you mean dpmpp2m?');
  });

  it.each([
    ['corpus: [', 'a.yaml: line 1, column'],
    ['corpus: { path: a }\ncorpus: { path: b }', 'Map keys must be unique'],
    ['just text', '(the whole file): got "just text", expected a block with the keys name, seed'],
    ['', 'corpus: got nothing, expected a block with the keys path'],
    ['corpus: { path: 3 }', 'corpus.path: got 3, expected text'],
    ['corpus: { path: a }\nunet: { training: null }', 'unet.training: got null, expected a block'],
    ['corpus: { path: a }\nvae: { network: { block_out_channels: [32, x, 64] } }', 'vae.network.block_out_channels[1]: got "x", expected an integer in [1, 8192]'],
    ['corpus: { path: a }\nunet: { training: { beta1: 1 } }', 'unet.training.beta1: got 1, expected a number in [0, 1)'],
    ['corpus: { path: a }\nunet: { training: { maxMinutes: 0 } }', 'got 0, expected a number above 0, or null'],
    ['corpus: { path: a }\nmel: { fftSize: 1000 }', 'mel.fftSize: got 1000, expected a power of two'],
    ['corpus: { path: a, labels: [kick, kick] }', 'corpus.labels: got kick more than once, expected each label once'],
    ['corpus: { path: a, sliceHopFrames: 200 }', 'corpus.sliceHopFrames: got 200, expected at most mel.frames (128)'],
    ['corpus: { path: a }\nvae: { cropFrames: 200 }', "vae.cropFrames: got 200, expected a multiple of 4, the autoencoder's halvings, and at most mel.frames (128). Use 128"],
    ['corpus: { path: a }\nvae: { cropFrames: 30 }', 'vae.cropFrames: got 30, expected a multiple of 4'],
    ['corpus: { path: a }\ngeneration: { steps: 2000 }', 'generation.steps: got 2000, expected at most diffusion.trainTimesteps (1000)'],
    ['corpus: { path: a }\nvae: { network: { norm_num_groups: 7 } }', 'vae.network.norm_num_groups: got 7, expected a divisor of'],
    ['corpus: { path: a }\nvae: { network: { in_channels: 3 } }', 'vae.network.in_channels: got 3, expected 1'],
    ['corpus: { path: a }\nunet: { network: { class_embed_type: identity } }', 'unet.network.class_embed_type: got identity, expected null or timestep'],
    ['corpus: { path: a }\nunet: { inpaintingShare: 1.5 }', 'unet.inpaintingShare'],
    ['corpus: { path: a }\nunet: { inpaintingShare: 0.5, network: { in_channels: 8 } }', 'unet.network.in_channels: got 8, expected 17: noisy sample, mask and kept sample, as unet.inpaintingShare asks. Leave it out'],
    ['corpus: { path: a }\nunet: { inpaintingShare: 0, network: { in_channels: 17 } }', 'unet.network.in_channels: got 17, expected 8, as vae.network.latent_channels. Set unet.inpaintingShare above 0'],
    ['corpus: { path: a }\nunet: { network: { in_channels: 4 } }', 'unet.network.in_channels: got 4, expected 8, as vae.network.latent_channels. Leave it out'],
  ])('refuses %j', (text, expected) => {
    expect(errorOf(() => parseRunConfig(text, 'a.yaml')).message).toContain(expected);
  });

  it('refuses sizes that the networks cannot halve, with sizes that work', () => {
    const { message } = errorOf(() => parseRunConfig('corpus: { path: a }\nmel: { melBins: 84, frames: 130 }', 'a.yaml'));
    expect(message).toContain('mel.melBins: got 84, expected a multiple of 16: the autoencoder halves 2 times and the UNet 2 times. Use 80 or 96');
    expect(message).toContain('mel.frames: got 130');
    expect(() => parseRunConfig('corpus: { path: a }\nrepresentation: pixel\nmel: { melBins: 84 }', 'a.yaml')).not.toThrow();
  });
});

describe('stringifyRunConfig', () => {
  it('comes back as the same configuration', () => {
    const config = parseRunConfig(`${MINIMAL}\nunet: { training: { learningRate: 1e-4 } }`, 'a.yaml');
    expect(parseRunConfig(stringifyRunConfig(config), 'b.yaml')).toEqual(config);
  });
});

describe('resolveOverrides', () => {
  const config = parseRunConfig(MINIMAL, 'a.yaml');

  it('sets keys by path, values read as YAML, in order', () => {
    const changed = resolveOverrides(config, ['unet.training.steps=1', 'unet.training.steps=100', 'vae.training.maxMinutes=null', 'corpus.labels=[a, "b c"]', 'unet.training.learningRate=1e-4']);
    expect(changed.unet.training.steps).toBe(100);
    expect(changed.corpus.labels).toEqual(['a', 'b c']);
    expect(changed.unet.training.learningRate).toBe(1e-4);
    expect(Object.isFrozen(changed)).toBe(true);
    expect(config.unet.training.steps).not.toBe(100);
  });

  it.each([
    ['unet.trainin.steps=1', '--set: unet.trainin: got an unknown key', 'unet.training'],
    ['unet.training.steps', 'got no value, expected key.path=value', ''],
    ['seed.x=1', '--set: seed.x: got an unknown key', ''],
    ['__proto__.polluted=1', '--set: __proto__: got an unknown key', ''],
    ['unet.training.steps=0', 'unet.training.steps: got 0, expected an integer of at least 1', ''],
    ['corpus.labels=[a', 'expected a YAML value', ''],
  ])('refuses %s', (override, expected, nearest) => {
    const { message } = errorOf(() => resolveOverrides(config, [override]));
    expect(message).toContain(expected);
    expect(message).toContain(nearest);
  });
});

describe('deriveNetworks', () => {
  it('derives the UNet of a latent model', () => {
    const { unet, sampleShape } = deriveNetworks(parseRunConfig(MINIMAL, 'a.yaml'), 10);
    expect(unet).toMatchObject({ in_channels: 8, out_channels: 8, sample_size: [20, 32], num_class_embeds: 11 });
    expect(sampleShape).toEqual([20, 32, 8]);
  });

  it.each([['latent', 17, 8], ['pixel', 3, 1]])('shows a UNet for inpainting of a %s model mask and kept sample too', (representation, inChannels, outChannels) => {
    const config = checkRunConfig({ corpus: { path: 'x' }, representation, unet: { inpaintingShare: 0.5 } }, 'here');
    expect(deriveNetworks(config, 0).unet).toMatchObject({ in_channels: inChannels, out_channels: outChannels });
    const text = checkRunConfig({ corpus: { path: 'x' }, representation, unet: { inpaintingShare: 0.5, conditionNetwork: {} } }, 'here');
    expect(deriveNetworks(text, 0).conditionUnet).toMatchObject({ in_channels: inChannels, out_channels: outChannels });
  });

  it('derives the UNet of a pixel model', () => {
    const config = checkRunConfig({ corpus: { path: 'x' }, representation: 'pixel' }, 'here');
    expect(deriveNetworks(config, 0)).toMatchObject({ unet: { in_channels: 1, out_channels: 1, sample_size: [80, 128], num_class_embeds: null }, sampleShape: [80, 128, 1] });
  });
});
