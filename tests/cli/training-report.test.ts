// report.html of a run: that training writes it, and what it takes from the run folder.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { createTrainingReport } from '../../src/cli/training-report.js';
import { parseRunConfig } from '../../src/config/run-config.js';
import { createEventWriter } from '../../src/training/tensorboard.node.js';
import { runCommand } from './run-command.js';
import { useTinyProject } from './tiny-project.js';

describe('train', () => {
  const project = useTinyProject();

  it('writes the report with both stages, their previews, the data and the settings', async () => {
    const run = join(project.root, 'run');
    const { status, stderr } = await runCommand('train', project.config, '--run', run);
    expect(status, stderr).toBe(0);
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    expect(page).toContain('Steps of the autoencoder</th><td class="value">4 of 4');
    expect(page).toContain('Steps of the UNet</th><td class="value">4 of 4');
    expect(page.match(/<h3>Step 4<\/h3>/g)).toHaveLength(2); // the last previews are in it too
    expect(page.match(/<audio /g)!.length).toBeGreaterThan(0);
    expect(page).toContain('grosse Trommel 🥁</th><td class="number">3</td><td class="number">1</td>');
    expect(page).toContain('learningRate');
    expect(page).toMatch(/Ladder of the autoencoder[^]*aria-label="Log-spectral distance of fixed clips"[^]*aria-label="Mel error of fixed clips"/);
    expect(page).not.toContain('Ladder of the UNet'); // what it draws has no original
    expect(page).not.toMatch(/src="(?!data:)/);
  });
});

describe('the report', () => {
  let run = '';
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), 'melstrom run é '));
  });
  afterEach(() => rmSync(run, { recursive: true, force: true }));

  const config = parseRunConfig('corpus: { path: . }', 'test');
  const corpus = { labels: ['kick'], labelsOf: (split: string) => Int32Array.from(split === 'train' ? [0, 0, 1] : []) };
  const put = (path: string, size: number): void => {
    mkdirSync(join(run, path, '..'), { recursive: true });
    writeFileSync(join(run, path), new Uint8Array(size));
  };

  it('shows six steps of many, and embeds the latest as long as it can be mailed', async () => {
    createEventWriter(join(run, 'events', 'unet')).write(7, [{ kind: 'scalar', tag: 'train/loss', value: 0.5 }]);
    for (let step = 1; step <= 11; step += 1) {
      put(`previews/unet-step-${step}/kick #1.png`, 100);
      put(`previews/unet-step-${step}/kick #1.wav`, 2_000_000);
    }
    await createTrainingReport({ runFolder: run, config, corpus, reporter: silentReporter, now: () => 0 })();
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    expect([...page.matchAll(/<h3>Step (\d+)<\/h3>/g)].map(([, step]) => Number(step))).toEqual([1, 3, 5, 7, 9, 11]);
    expect([...page.matchAll(/<audio [^>]*src="([^"]{4})/g)].map(([, start]) => start)).toEqual(['prev', 'prev', 'prev', 'prev', 'data', 'data']);
    expect(page).toContain('src="previews/unet-step-1/kick%20%231.wav"');
    expect(statSync(join(run, 'report.html')).size).toBeLessThan(9e6);
    expect(page).toContain('Written 1970-01-01 00:00 UTC');
    expect(page).toContain('without label</th><td class="number">1</td>');
  });

  it('that can’t be written warns and stops nothing', async () => {
    const warnings: string[] = [];
    const reporter = { ...silentReporter, log: { info: () => undefined, warn: (text: string) => warnings.push(text) } };
    const runFolder = join(run, 'gone');
    await createTrainingReport({ runFolder, config, corpus, reporter })();
    expect(existsSync(runFolder)).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('report.html was not written: ')]);
  });
});
