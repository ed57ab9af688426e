// Each metric does what it should on sets whose faults were put there.
import { beforeAll, describe, expect, it } from 'vitest';
import { fitJudge } from '../../src/evaluation/judge.js';
import { copyDistanceDb, nearestTraining, reportMemorisation } from '../../src/evaluation/memorisation.js';
import { findingsOf } from '../../src/evaluation/set-findings.js';
import { reportSet, type MeasuredClip, type Score, type SetReport } from '../../src/evaluation/set-report.js';
import { addNoise, change, comparable, drawSounds, LABEL_COUNT, lowPass, measure, type Sound } from './_planted.js';

const training = drawSounds(120, 1);
const lifelike = drawSounds(36, 2);
const heldOut = drawSounds(60, 3);
let reference: MeasuredClip[];
let unseen: MeasuredClip[];
let faithful: SetReport;

const report = async (clips: readonly Sound[]): Promise<SetReport> => reportSet({ clips: await measure(clips), reference, heldOut: unseen, seed: 1 });
const scoresOf = ({ kernelDistance, frechetDistance }: SetReport): [Score, Score] => [kernelDistance, frechetDistance];
const rises = (values: readonly number[]): boolean => values.every((value, index) => index === 0 || value > values[index - 1]);

beforeAll(async () => {
  [reference, unseen] = await Promise.all([measure(training), measure(heldOut)]);
  faithful = await report(lifelike);
});

describe('scores', () => {
  it('of sounds from the same source lie where as many real ones lie, and unseen ones too', () => {
    for (const { value, sameCount, heldOut: held } of scoresOf(faithful)) {
      const width = sameCount!.high - sameCount!.low;
      expect(Math.abs(value - sameCount!.mean)).toBeLessThan(width);
      expect(Math.abs(held! - sameCount!.mean)).toBeLessThan(width);
      expect(sameCount!.counts).toEqual([36, 84]);
    }
    expect(faithful.kernelDistance.splitHalf!.mean).toBeCloseTo(0, 0);
    const [low, high] = faithful.kernelDistance.interval!;
    expect([low < faithful.kernelDistance.value, faithful.kernelDistance.value < high]).toEqual([true, true]);
  });

  it.each([
    ['louder noise', [-66, -54, -42, -30], addNoise],
    ['a lower low-pass', [8000, 4000, 2000, 1000], lowPass],
  ])('rise with %s, and go beyond what real sounds score', async (_, amounts, spoil) => {
    const scores = (await Promise.all(amounts.map((amount) => report(spoil(lifelike, amount))))).map(scoresOf);
    for (const metric of [0, 1]) {
      expect(rises([scoresOf(faithful)[metric].value, ...scores.map((pair) => pair[metric].value)]), JSON.stringify(scores.map((pair) => pair[metric].value))).toBe(true);
      const first = metric === 0 ? 0 : 2; // Fréchet's own bias for 36 clips hides the faintest faults, which the kernel sees
      for (const pair of scores.slice(first)) expect(pair[metric].value).toBeGreaterThan(pair[metric].sameCount!.high);
    }
    expect(scores[3][0].interval![0]).toBeGreaterThan(0);
  });

  it('are best for half of the real set, worse for one label alone, worst for silence', async () => {
    const plucks = drawSounds(3 * lifelike.length, 4).filter(({ label }) => label === 0);
    const [half, onlyOne, silence] = (await Promise.all([
      report(training.filter((_, index) => index % 2 === 0)),
      report(plucks),
      report(change(lifelike, (samples) => new Float32Array(samples.length))),
    ])).map(scoresOf);
    for (const metric of [0, 1]) {
      expect(rises([half, onlyOne, silence].map((pair) => pair[metric].value))).toBe(true);
      expect(half[metric].value).toBeLessThan(half[metric].sameCount!.high);
      expect(onlyOne[metric].value).toBeGreaterThan(scoresOf(faithful)[metric].sameCount!.high);
    }
  });
});

describe('guards', () => {
  it('see silence that a distance alone would only call far', async () => {
    const { silentShare, peakDbfs } = await report(change(lifelike, (samples, index) => (index < 9 ? new Float32Array(samples.length) : samples)));
    expect(silentShare).toEqual({ clips: 0.25, real: 0 });
    expect([peakDbfs.clips.count, peakDbfs.real.count]).toEqual([27, 180]);
  });

  it('see level and brightness, and their spread', async () => {
    const [quiet, dull] = await Promise.all([report(change(lifelike, (samples) => samples.map((sample) => sample / 10))), report(lowPass(lifelike, 1000))]);
    expect(quiet.peakDbfs.clips.median - faithful.peakDbfs.clips.median).toBeCloseTo(-20, 1);
    expect(quiet.rmsDbfs.clips.median - faithful.rmsDbfs.clips.median).toBeCloseTo(-20, 1);
    expect(quiet.centroidHz.clips.median).toBeCloseTo(faithful.centroidHz.clips.median, 0);
    expect(dull.centroidHz.clips.p95).toBeLessThan(1000);
    expect(faithful.centroidHz.clips.p95).toBeGreaterThan(2000);
  });
});

describe('fine texture', () => {
  it('is that of real sounds for sounds from the same source, and a fault where half of it is missing', async () => {
    expect(faithful.textureDb.clips.median / faithful.textureDb.real.median).toBeCloseTo(1, 0);
    expect(findingsOf(faithful, null).map(({ text }) => text).join(' ')).not.toContain('smoother');
    const clips = (await measure(lifelike)).map((clip) => ({ ...clip, textureDb: clip.textureDb / 2 }));
    const smooth = reportSet({ clips, reference, heldOut: unseen, seed: 1 });
    expect(findingsOf(smooth, null).find(({ text }) => text.includes('smoother than real sounds'))).toMatchObject({ isFault: true });
  });
});

describe('diversity', () => {
  it('of sounds from the same source is that of real ones', () => {
    const { effectiveCount, withinLabel, repeatedShare } = faithful.diversity;
    expect(effectiveCount.clips / effectiveCount.real!).toBeCloseTo(1, 0);
    expect(withinLabel.clips! / withinLabel.real!).toBeCloseTo(1, 0);
    expect(repeatedShare).toBeLessThan(0.1);
  });

  it('is one clip for one clip repeated, and one a label for one of each', async () => {
    const { diversity } = await report(lifelike.map(() => lifelike[0]));
    expect(diversity).toMatchObject({ repeatedShare: 1, withinLabel: { clips: 0 } });
    expect(diversity.effectiveCount.clips).toBeCloseTo(1, 6);
    const ofEach = (await report(lifelike.map(({ label }) => lifelike[label]))).diversity;
    expect(ofEach).toMatchObject({ repeatedShare: 1, withinLabel: { clips: 0 } });
    expect(ofEach.effectiveCount.clips).toBeGreaterThan(1.5);
    expect(ofEach.effectiveCount.clips).toBeLessThan(Math.min(LABEL_COUNT, faithful.diversity.effectiveCount.clips));
  });
});

describe('label agreement', () => {
  it('falls to nothing for wrong labels', async () => {
    const judged = ({ embedding, label }: MeasuredClip) => ({ features: embedding, label });
    const judge = fitJudge(reference.map(judged));
    const own = (await measure(lifelike)).map(judged);
    expect(judge.agreement(own)).toBeGreaterThan(0.9);
    expect(judge.agreement(own.map(({ features, label }) => ({ features, label: (label + 1) % LABEL_COUNT })))).toBeLessThan(0.1);
  });
});

describe('memorisation', () => {
  const slices = comparable(training);
  const distances = (clips: readonly Sound[]): number[] => comparable(clips).map((clip) => nearestTraining(clip, slices)!.distanceDb);

  it('flags copies: exact, louder, shifted, and with a little noise; and no sounds of the same source', () => {
    const copies = training.slice(0, 30);
    const real = distances(heldOut);
    const planted: [string, readonly Sound[]][] = [
      ['exact', copies],
      ['6 dB softer', change(copies, (samples) => samples.map((sample) => sample / 2))],
      ['two frames late', change(copies, (samples) => Float32Array.from(samples, (_, index) => (index < 1024 ? 0 : samples[index - 1024])))],
      ['with noise at -72 dB', addNoise(copies, -72)],
    ];
    for (const [name, clips] of planted) {
      const { copiedShare, nearerThanReal } = reportMemorisation(distances(clips), real);
      expect(copiedShare, name).toBeGreaterThan(0.9);
      expect(nearerThanReal, name).toBeGreaterThan(0.95);
    }
    const honest = reportMemorisation(distances(lifelike), real);
    expect(honest.copiedShare).toBeLessThan(0.1);
    expect(honest.nearerThanReal).toBeGreaterThan(0.3);
    expect(honest.nearerThanReal).toBeLessThan(0.7);
  });

  it('names the slice that was copied', () => {
    expect(comparable([training[17]]).map((clip) => nearestTraining(clip, slices))).toEqual([{ index: 17, distanceDb: 0 }]);
    const leftOut = nearestTraining(slices[17], slices, ({ group }) => group !== '17')!;
    expect([leftOut.index !== 17, leftOut.distanceDb > 1]).toEqual([true, true]);
    expect(nearestTraining(slices[17], slices, () => false)).toBeNull();
  });

  it('has no distance between silences, and flags a certain copy even where real clips are copies too', () => {
    const [silence] = comparable(change(training.slice(0, 1), (samples) => new Float32Array(samples.length)));
    expect(copyDistanceDb(silence.image(), silence.image())).toBe(Infinity);
    expect(reportMemorisation([0.2, 5], [0, 0, 6, 7])).toMatchObject({ thresholdDb: 1, copiedShare: 0.5 });
  });
});
