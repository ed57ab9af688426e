// Gradient checkpointing of whole networks and runs: the same bits, in less memory.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { unet2dSchema } from '../../src/config/unet-2d.js';
import { unet2dConditionSchema } from '../../src/config/unet-2d-condition.js';
import { vocosSchema, type VocosConfig } from '../../src/config/vocoder.js';
import { supportsBfloat16, withConvPrecision } from '../../src/engine/ops/index.js';
import { createAutoencoderKL, createUnet2d, createUnet2dCondition, createVocos } from '../../src/models/index.js';
import { disposeGradients, valueAndGradients, type ParameterTree } from '../../src/nn/index.js';
import { silentReporter } from '../../src/base/logger.js';
import { trainRun } from '../../src/training/train.node.js';
import { rampTensor } from '../models/ramp.js';
import { useEngine } from '../support/engine.js';
import { recordingReporter, tinyConfig, tinyCorpus } from './_tiny-run.js';

useEngine();

interface Subject {
  readonly parameters: ParameterTree;
  run(): tf.Tensor;
  dispose(): void;
}

const UNET = { in_channels: 3, out_channels: 3, block_out_channels: [16, 32], norm_num_groups: 8, layers_per_block: 2 };
const wave = (...shape: number[]): tf.Tensor => tf.tensor(rampTensor('x', shape).data, shape);
const times = (): tf.Tensor1D => tf.tensor1d([3, 700]);

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  AutoencoderKL: () => {
    const vae = createAutoencoderKL(autoencoderKlSchema.parse({ block_out_channels: [16, 32], norm_num_groups: 4, latent_channels: 3, down_block_types: ['DownEncoderBlock2D', 'AttnDownEncoderBlock2D'], up_block_types: ['AttnUpDecoderBlock2D', 'UpDecoderBlock2D'] }), { seed: 1 });
    return { parameters: vae.parameters, run: () => { const { mean, logVariance } = vae.encode(wave(2, 8, 16, 1) as tf.Tensor4D); return tf.add(vae.decode(mean), tf.mean(logVariance)); }, dispose: () => vae.dispose() };
  },
  UNet2DModel: () => {
    const unet = createUnet2d(unet2dSchema.parse({ ...UNET, attention_head_dim: 8, num_class_embeds: 4, down_block_types: ['ResnetDownsampleBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'ResnetUpsampleBlock2D'], resnet_time_scale_shift: 'scale_shift', mid_block_scale_factor: 2 }), { seed: 1 });
    return { parameters: unet.parameters, run: () => unet.forward({ sample: wave(2, 8, 16, 3) as tf.Tensor4D, timestep: times(), classLabels: tf.tensor1d([0, 3], 'int32') }), dispose: () => unet.dispose() };
  },
  UNet2DConditionModel: () => {
    const unet = createUnet2dCondition(unet2dConditionSchema.parse({ ...UNET, attention_head_dim: 2, cross_attention_dim: 6, down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'], up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'] }), { seed: 1 });
    const run = (): tf.Tensor => unet.forward({ sample: wave(2, 8, 16, 3) as tf.Tensor4D, timestep: times(), encoderHiddenStates: wave(2, 5, 6) as tf.Tensor3D, encoderAttentionMask: tf.tensor2d([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]) });
    return { parameters: unet.parameters, run, dispose: () => unet.dispose() };
  },
  Vocos: () => {
    const vocos = createVocos(vocosSchema.parse({ input_channels: 8, dim: 16, intermediate_dim: 32, num_layers: 3, n_fft: 64, hop_length: 16, win_length: 64, layer_scale_init_value: 0.3, max_magnitude: 64, mel_prior: false }) as VocosConfig, { seed: 1 });
    return { parameters: vocos.parameters, run: () => vocos.forward(wave(2, 40, 8) as tf.Tensor3D), dispose: () => vocos.dispose() };
  },
};

/** The bits of a loss and of its gradients. */
function bitsOf({ parameters, run }: Subject, gradientCheckpointing: boolean): Map<string, Uint8Array> {
  const { value, gradients } = valueAndGradients(parameters, () => tf.mean(tf.square(run())) as tf.Scalar, { gradientCheckpointing });
  const bits = new Map([['loss', value], ...gradients].map(([path, tensor]) => [path as string, Uint8Array.from(new Uint8Array((tensor as tf.Tensor).dataSync<'float32'>().slice().buffer))]));
  value.dispose();
  disposeGradients(gradients);
  return bits;
}

describe.each(Object.keys(SUBJECTS))('%s', (name) => {
  it.for(['float32', 'bfloat16'] as const)('has the same gradients to the last bit in %s', (precision, context) => {
    if (precision === 'bfloat16' && !supportsBfloat16()) context.skip('needs the native kernels and a processor with bfloat16');
    const subject = SUBJECTS[name]();
    withConvPrecision(precision, () => {
      const plain = bitsOf(subject, false);
      const before = tf.memory().numTensors;
      expect(bitsOf(subject, true)).toEqual(plain);
      expect(plain.size).toBe(1 + subject.parameters.trainable().length);
      expect(tf.memory().numTensors).toBe(before);
    });
    subject.dispose();
  });
});

describe('memory', () => {
  it.each(['AutoencoderKL', 'UNet2DModel', 'UNet2DConditionModel', 'Vocos'])('of %s is less', async (name) => {
    const subject = SUBJECTS[name]();
    const peakOf = async (isOn: boolean): Promise<number> => {
      const held = tf.memory().numBytes;
      const { peakBytes } = await tf.profile(() => void bitsOf(subject, isOn));
      return peakBytes - held;
    };
    const [plain, checkpointed] = [await peakOf(false), await peakOf(true)];
    expect(checkpointed).toBeLessThan(0.8 * plain);
    subject.dispose();
  });
});

describe('a run', () => {
  it('ends with the same weights, averages and moments to the last bit', async () => {
    const train = async (gradientCheckpointing: boolean): Promise<Record<string, Buffer>> => {
      const folder = mkdtempSync(join(tmpdir(), 'melstrom checkpointing '));
      const config = tinyConfig({
        vae: { network: { mid_block_add_attention: true }, loss: { discriminatorWeight: 0.5, discriminatorStartStep: 2 }, discriminator: { channels: 8, layers: 1 }, training: { gradientCheckpointing, accumulate: 2 } },
        unet: { training: { gradientCheckpointing } },
      });
      try {
        await trainRun({ config, corpus: tinyCorpus(config), runFolder: folder, stage: 'all', resume: false, reporter: silentReporter });
        const files = ['vae', 'unet'].flatMap((stage) => readdirSync(join(folder, 'state', stage, 'step-6')).filter((file) => file.endsWith('.safetensors')).map((file) => join('state', stage, 'step-6', file)));
        return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file))]));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    };
    const [plain, checkpointed] = [await train(false), await train(true)];
    expect(Object.keys(plain)).toHaveLength(3 + 3 + 1);
    expect(Object.keys(checkpointed)).toEqual(Object.keys(plain));
    for (const [file, bytes] of Object.entries(plain)) expect(checkpointed[file].equals(bytes), file).toBe(true);
  });

  it('may be gone on with either way, and says nothing of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'melstrom checkpointing '));
    const { reporter, warnings } = recordingReporter();
    try {
      for (const [steps, gradientCheckpointing] of [[3, false], [6, true]] as const) {
        const config = tinyConfig({ vae: { training: { steps, gradientCheckpointing } } });
        const { status } = await trainRun({ config, corpus: tinyCorpus(config), runFolder: folder, stage: 'vae', resume: steps > 3, reporter });
        expect(status).toBe('finished');
      }
      expect(warnings).toEqual([expect.stringMatching(/resumed with other vae\.training\.steps;/)]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
