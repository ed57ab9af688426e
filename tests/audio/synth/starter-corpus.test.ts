import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../../src/audio/decode.node.js';
import { writeWav } from '../../../src/audio/encode.node.js';
import { describeStarterCorpus } from '../../../src/audio/synth/describe-corpus.js';
import { STARTER_RECIPES } from '../../../src/audio/synth/recipes.js';
import { LONGEST_SECONDS, renderTake } from '../../../src/audio/synth/render-take.node.js';
import { planStarterCorpus, TAKES_PER_GROUP, writeStarterCorpus, type PlannedClip } from '../../../src/audio/synth/starter-corpus.node.js';
import { hasWebAudio } from '../../../src/audio/web-audio.node.js';
import { silentReporter } from '../../../src/base/logger.js';
import { melSchema } from '../../../src/config/mel.js';
import { fitJudge, type JudgedClip } from '../../../src/evaluation/judge.js';
import { logMelStatistics } from '../../../src/evaluation/log-mel-statistics.js';
import { createMelCodec } from '../../../src/spectrogram/mel-codec.js';

const SAMPLES = fileURLToPath(new URL('../../../audio-samples/starter/', import.meta.url));
const plan = planStarterCorpus(0);
const needsWebAudio = (await hasWebAudio()) ? it : it.skip; // rendering needs node-web-audio-api, and that libasound.so.2
let folder = '';
let clips: { planned: PlannedClip; samples: Float32Array; sampleRateHz: number }[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'melstrom-starter-'));
  clips = await Promise.all(
    plan.map(async (planned) => {
      const { channels, sampleRateHz } = await decodeFile(join(SAMPLES, planned.path));
      expect(channels.length).toBe(1);
      return { planned, samples: channels[0], sampleRateHz };
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('the starter corpus in the repository', () => {
  it('has at least 8 labels and 240 clips in groups', () => {
    expect(STARTER_RECIPES.length).toBeGreaterThanOrEqual(8);
    expect(plan.length).toBeGreaterThanOrEqual(240);
    expect(new Set(plan.map(({ take }) => `${take.label} ${take.group}`)).size).toBe(plan.length / TAKES_PER_GROUP);
  });

  it('has no clip that is silent, clipped, too long or at another rate', () => {
    for (const { planned, samples, sampleRateHz } of clips) {
      expect(sampleRateHz, planned.path).toBe(22_050);
      expect(samples.length / sampleRateHz, planned.path).toBeLessThanOrEqual(LONGEST_SECONDS + 0.001);
      const peak = samples.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
      expect(peak, planned.path).toBeLessThan(10 ** (-1 / 20));
      const rmsDbfs = 10 * Math.log10(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
      expect(rmsDbfs, planned.path).toBeGreaterThan(-30);
      expect(rmsDbfs, planned.path).toBeLessThan(-6);
    }
  });

  it('is told apart by a judge that has never heard the instruments of the group judged', () => {
    const codec = createMelCodec(melSchema.parse({}));
    const judged = clips.map(({ planned, samples }) => {
      const padded = new Float32Array(codec.settings.hopSamples * (codec.settings.frames - 1));
      padded.set(samples.subarray(0, padded.length));
      const label = STARTER_RECIPES.indexOf(planned.recipe);
      return { group: planned.take.group, label, features: logMelStatistics(codec.analyse(padded)) };
    });
    const groups = [...new Set(judged.map(({ group }) => group))];
    const agreements = groups.map((held) => fitJudge(judged.filter(({ group }) => group !== held)).agreement(judged.filter(({ group }) => group === held)));
    const mean = agreements.reduce((sum, value) => sum + value, 0) / groups.length;
    expect(mean, agreements.join(' ')).toBeGreaterThan(0.95);
    const byFile = judged.filter((clip: JudgedClip, index) => fitJudge(judged.filter((_, other) => other !== index)).assign(clip.features) !== clip.label);
    expect(byFile.length).toBeLessThanOrEqual(0.02 * judged.length);
  });

  it('has the README and the manifest that the generator writes', async () => {
    for (const [name, text] of Object.entries(describeStarterCorpus(0, plan))) expect(await readFile(join(SAMPLES, name), 'utf8')).toBe(text);
  });

  needsWebAudio.each(STARTER_RECIPES.map((recipe) => recipe.label))('%s is what the generator makes, and the same twice', async (label) => {
    const index = plan.findIndex(({ recipe }) => recipe.label === label) + 7;
    const { recipe, take, path } = plan[index];
    const clip = await renderTake(recipe, take);
    expect(await renderTake(recipe, take)).toEqual(clip);
    const again = join(folder, `${label}.wav`);
    await writeWav(again, clip, { bitDepth: 16, seed: index });
    const [made] = (await decodeFile(again)).channels;
    const { samples } = clips[index];
    expect(made.length, path).toBe(samples.length);
    // Another processor may round the last bit of a sine differently; two steps of 16 bits cover that.
    expect(made.every((value, at) => Math.abs(value - samples[at]) <= 2 / 32768)).toBe(true);
  });

  needsWebAudio('differs between takes, groups and seeds', async () => {
    const [recipe] = STARTER_RECIPES;
    const base = { seed: 0, label: recipe.label, group: 0, take: 0 };
    const reference = await renderTake(recipe, base);
    for (const change of [{ seed: 1 }, { group: 1 }, { take: 1 }]) expect(await renderTake(recipe, { ...base, ...change })).not.toEqual(reference);
  });
});

describe('writeStarterCorpus', () => {
  it('refuses to replace clips before it renders anything', async () => {
    const attempt = writeStarterCorpus(SAMPLES, { seed: 0, reporter: silentReporter });
    await expect(attempt).rejects.toThrow(/manifest\.csv: got a file that is already there/);
    await expect(access(join(SAMPLES, 'kick', 'kick-31.wav'))).rejects.toThrow();
  });
});
