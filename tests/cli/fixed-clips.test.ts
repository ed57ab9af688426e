// The clips that a training is watched by: which they are, and that their figures are those of `reconstruct`.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { silentReporter } from '../../src/base/logger.js';
import { measureFixedClips, readFixedClips } from '../../src/cli/fixed-clips.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { prepareCorpus } from '../../src/corpus/prepare.node.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { readLoggedNumbers } from '../../src/training/read-events.node.js';
import { expectClose } from '../support/close.js';
import { runCommand, runJson } from './run-command.js';
import { useTinyProject } from './tiny-project.js';

const project = useTinyProject({ vae: { training: { previewEvery: 2 } } });
const FIGURES = ['logSpectralDb', 'melErrorDb'] as const;

interface Reconstructed {
  readonly summary: Record<'inverted' | 'vae', Record<(typeof FIGURES)[number], { readonly mean: number }>>;
}

describe('the fixed clips of a training', () => {
  let run: string;
  beforeAll(async () => {
    run = join(project.root, 'run');
    const { status, stderr } = await runCommand('train', project.config, '--run', run);
    expect(status, stderr).toBe(0);
  });

  it('climb the ladder that `reconstruct` climbs, at every preview', async () => {
    const corpus = await prepareCorpus({ config: await loadRunConfig(project.config), reporter: silentReporter });
    const files = Array.from({ length: corpus.sliceCount('validation') }, (_, index) => join(project.sounds, corpus.slice('validation', index).file));
    corpus.close();
    const { value: { summary } } = await runJson<Reconstructed>('reconstruct', run, ...files, '--out', join(project.root, 'ladder'));
    const numbers = readLoggedNumbers(join(run, 'events', 'vae'));
    for (const rung of ['inverted', 'vae'] as const) {
      for (const figure of FIGURES) {
        const points = numbers.get(`ladder/${rung}/${figure}`) ?? [];
        expect(points.map(([step]) => step)).toEqual([2, 4]);
        expectClose(points[1][1], summary[rung][figure].mean, { absolute: 0.05, reason: 'images come from the cache, whose values are rounded' });
      }
    }
    expect(numbers.get('ladder/inverted/melErrorDb')?.[0][1]).toBe(numbers.get('ladder/inverted/melErrorDb')?.[1][1]);
    expect(numbers.get('ladder/vae/melErrorDb')?.[0][1]).not.toBe(numbers.get('ladder/vae/melErrorDb')?.[1][1]);
    expect([...readLoggedNumbers(join(run, 'events', 'unet')).keys()].some((tag) => tag.startsWith('ladder/'))).toBe(false);
  });

  it('are spread over the validation split, each with its recording', async () => {
    const config = await loadRunConfig(project.config);
    const corpus = await prepareCorpus({ config, reporter: silentReporter });
    const order = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5].map((index) => index % corpus.sliceCount('train'));
    const asked: number[] = [];
    const many = {
      ...corpus, sliceCount: (split: string) => (split === 'validation' ? order.length : 0), labelsOf: () => new Int32Array(order.length),
      slice: (_: string, index: number) => (asked.push(index), corpus.slice('train', order[index])),
    } as typeof corpus;
    const clips = await readFixedClips(many, config.corpus);
    const spread = [0, 1, 3, 4, 6, 7, 9, 10];
    expect(asked.slice(order.length).toSorted((a, b) => a - b)).toEqual(spread); // read once more for their images, as each recording arrives
    expect(clips.map(({ image }) => image.data)).toEqual(spread.map((index) => corpus.slice('train', order[index]).image));
    const codec = createMelCodec(config.mel);
    for (const { image, sound } of clips) expectClose(codec.analyse(sound).data, image.data, { absolute: 1e-3, reason: 'the cache rounds values' });
    corpus.close();
  });

  it('have no distance from themselves, and silent ones say nothing', async () => {
    const config = await loadRunConfig(project.config);
    const codec = createMelCodec(config.mel);
    const random = createRandom(1, 'fixed clips');
    const noise = Float32Array.from({ length: 960 }, () => 0.1 * random.normal());
    const clips = [noise, new Float32Array(960)].map((sound) => ({ sound, image: codec.analyse(sound) }));
    expect(measureFixedClips(clips, [noise, noise], codec)).toEqual({ logSpectralDb: 0, melErrorDb: 0 });
    const quieter = measureFixedClips(clips, [noise.map((sample) => sample / 2), noise], codec);
    expectClose([quieter.logSpectralDb!, quieter.melErrorDb!], [6.02, 6.02], { absolute: 0.05, reason: 'float32 images' });
    expect(measureFixedClips(clips.slice(1), [noise], codec)).toEqual({});
  });
});
