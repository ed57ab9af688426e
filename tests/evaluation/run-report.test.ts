import { describe, expect, it } from 'vitest';
import { renderRunReport, thinned, type ReportStage } from '../../src/evaluation/run-report.js';

const STAGE: ReportStage = {
  name: 'UNet', step: 40, steps: 100,
  numbers: new Map([['train/loss', [[1, 0.5], [40, 0.3]]], ['train/stepsPerSecond', [[40, 1.75]]], ['validation/loss', [[20, 0.4], [40, 0.45]]], ['validation/errorDb', [[20, 5], [40, 4]]], ['ladder/vae/melErrorDb', [[20, 6], [40, 5]]], ['ladder/inverted/melErrorDb', [[20, 1], [40, 1]]]]),
  previews: [
    { step: 20, things: [{ title: 'round-trips', picture: 'previews/a b/x.png' }] },
    { step: 40, things: [{ title: 'kick <1>', picture: 'data:image/png;base64,AA==', audio: 'previews/k.wav' }] },
  ],
};

describe('the report of a run', () => {
  const page = renderRunReport({ title: 'Training of <x>', written: 'now', stages: [STAGE], data: [{ label: 'kick & co', train: 3, validation: 1 }], settings: 'seed: <3>' });

  it('says how far it is, and which validation was best', () => {
    expect(page).toContain('40 of 100');
    expect(page).toContain('at 1.75 a second');
    expect(page).toContain('At step 20; at the last one, step 40, it was 0.4500.');
  });

  it('draws training against validation, and what validation alone measures', () => {
    expect(page.match(/<figure class="plot">/g)).toHaveLength(3);
    expect(page).toContain('aria-label="loss"');
    expect(page).toContain('errorDb (validation)');
  });

  it('draws the ladder of fixed clips, the least lost first, and nothing that was not measured', () => {
    expect(page).toMatch(/Ladder of the UNet[^]*Mel error of fixed clips<span class="keys">.*mel image, inverted.*through the autoencoder/);
    expect(page).not.toContain('Log-spectral distance of fixed clips');
    const without = renderRunReport({ title: 't', written: 'now', stages: [{ ...STAGE, numbers: new Map([['train/loss', [[1, 0.5]]]]) }], data: [], settings: '' });
    expect(without).not.toContain('Ladder');
  });

  it('shows previews over time, data and settings, escaped', () => {
    expect(page.indexOf('Step 20')).toBeLessThan(page.indexOf('Step 40'));
    expect(page).toContain('src="previews/a%20b/x.png"');
    expect(page.match(/<audio /g)).toHaveLength(1);
    expect(page).toContain('kick &lt;1&gt;');
    expect(page).toContain('<th scope="row">kick &amp; co</th><td class="number">3</td>');
    expect(page).toContain('seed: &lt;3&gt;');
  });

  it('says when nothing is logged yet', () => {
    expect(renderRunReport({ title: 't', written: 'now', stages: [{ ...STAGE, numbers: new Map(), previews: [] }], data: [], settings: '' })).toContain('Nothing is logged yet.');
  });
});

describe('thinning', () => {
  it('keeps few points, and means of many', () => {
    const few = [[1, 2], [2, 3]] as const;
    expect(thinned(few)).toBe(few);
    const many = Array.from({ length: 1000 }, (_, index) => [index, index] as const);
    expect(thinned(many)).toHaveLength(334);
    expect(thinned(many)[0]).toEqual([2, 1]);
    expect(thinned(many).at(-1)).toEqual([999, 999]);
  });
});
