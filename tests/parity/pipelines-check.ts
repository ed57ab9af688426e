// The second half of `npm run parity`: whole pipelines, retrained here and exported, open in diffusers without a word and answer as here.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startTestEngine } from '../support/engine.js';
import { outputError, OUTPUT_TOLERANCE } from './errors.js';
import { parityPython, readTensors, runPython, say } from './exchange.js';
import { writePipelines } from './pipelines.js';

interface Said {
  readonly className: string;
  readonly opening: readonly string[];
  readonly opening_whole: readonly string[];
}

it('writes pipelines that diffusers opens without a word, and that answer alike', async () => {
  const { command } = await parityPython();
  await startTestEngine();
  const root = mkdtempSync(join(tmpdir(), 'melstrom-pipelines-'));
  try {
    say('retraining and exporting pipelines here …');
    const cases = await writePipelines(root, 5);
    await runPython(command, 'pipelines.py', 'open', root);
    for (const [index, { name, className, losses, isDrawn }] of cases.entries()) {
      const at = (file: string): string => join(root, String(index), file);
      const said = JSON.parse(readFileSync(at('said.json'), 'utf8')) as Said;
      const [ours, theirs] = [readTensors(at('outputs.safetensors')), readTensors(at('reference.safetensors'))];
      const errors = [...theirs.keys()].map((part) => [part, outputError(new Map([[part, ours.get(part)!]]), new Map([[part, theirs.get(part)!]]))] as const);
      say(`${className}, ${name}: ${[...errors.map(([part, error]) => `${part} ${error.toExponential(1)}`), ...losses.map(([before, after]) => `loss ${before.toFixed(3)} -> ${after.toFixed(3)}`)].join(', ')}`);
      expect([said.className, said.opening], name).toEqual([className, []]);
      // Of every AutoencoderKL, whoever saved it: the class has the type VQModel written down, and opening compares.
      expect(said.opening_whole, name).toEqual(className === 'LDMPipeline' ? [expect.stringMatching(/^Expected types for vqvae: .*VQModel.*, got .*AutoencoderKL/)] : []);
      expect([...ours.keys()].toSorted(), name).toEqual([...theirs.keys()].toSorted());
      expect(ours.has('image'), name).toBe(isDrawn);
      for (const [part, error] of errors) expect(error, `${name}: ${part}`).toBeLessThanOrEqual(OUTPUT_TOLERANCE);
      for (const [before, after] of losses) expect(after, `${name}: loss`).toBeLessThan(before);
    }
    expect(new Set(cases.map(({ className }) => className))).toEqual(new Set(['StableDiffusionPipeline', 'LDMPipeline', 'DDIMPipeline']));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
