// What cannot be done is refused before anything is written: with its exit status, naming what was given, what is expected and what to do.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';
import { refusal } from './run-command.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom é bad input-'));
const inRoot = (name: string): string => join(root, name);

useEngine();
beforeAll(async () => {
  for (const [name, pipeline] of [['run', smallPipeline()], ['unlabelled', smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null } })]] as const) {
    await savePipeline(inRoot(name), pipeline);
    pipeline.dispose();
  }
  writeSound(root, 'hit.wav', sine(0.11, { hz: 440 })); // the slice is 0.13 s
  writeSound(root, 'long.wav', sine(0.5, { hz: 440 }));
  writeSound(root, 'other rate.wav', sine(0.1, { hz: 440, sampleRateHz: 22_050 }), { sampleRateHz: 22_050 });
  writeSound(root, 'short.wav', sine(0.02, { hz: 440 }));
  writeFileSync(inRoot('no sound.wav'), 'RIFF');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Case = readonly [status: number, message: string, command: string, words: readonly string[]];
const { usage, data } = EXIT_STATUS;
const RATE = "got 22050 Hz, expected 8000 Hz, the model's rate. Add --resample";
const NO_LABEL = "--label: got 'kick', expected no label, since this model was trained without";

const CASES: readonly Case[] = [
  // A region outside the clip, or longer than what the model sees.
  [usage, 'region: from and to: got 0.1 and 0.2 s, expected within 0 and 0.11 s', 'fill', ['hit.wav', '--from', '0.1', '--to', '0.2']],
  [usage, 'region: from and to: got 0.3', 'fill', ['hit.wav', '--from', '0.3']],
  [usage, 'region: from and to: got 0.08 and 0.04 s', 'fill', ['hit.wav', '--from', '0.08', '--to', '0.04']],
  [usage, 'region: low and high: got 0 and 5000 Hz, expected within 0 and 4000 Hz', 'fill', ['hit.wav', '--high', '5000']],
  [usage, "expected at most 0.12 s, the model's slice. Fill a longer stretch piece by piece", 'fill', ['long.wav', '--from', '0.1', '--to', '0.4']],
  // A strength of 1.5.
  [usage, "got '1.5', expected a number from 0 to 1", 'vary', ['hit.wav', '--strength', '1.5']],
  [usage, "got '1.5', expected a number from 0 to 1", 'fill', ['hit.wav', '--from', '0.05', '--strength', '1.5']],
  [usage, 'strength: got 0', 'fill', ['hit.wav', '--from', '0.05', '--strength', '0']],
  // A file at another rate, or of another length, or none.
  [data, RATE, 'vary', ['other rate.wav', '--strength', '0.5']],
  [data, RATE, 'fill', ['other rate.wav', '--from', '0.05']],
  [data, RATE, 'extend', ['other rate.wav', '--seconds', '0.1']],
  [data, RATE, 'morph', ['other rate.wav', 'seed:1']],
  [usage, '--hold: got 1, expected', 'extend', ['long.wav', '--seconds', '0.1', '--hold', '1']],
  [data, 'long.wav: got 0.50 s, expected at most 0.13 s, the 16 frames that the model was trained on. Cut it', 'vary', ['long.wav', '--strength', '0.5']],
  [data, 'long.wav: got 0.50 s, expected at most 0.13 s', 'morph', ['hit.wav', 'long.wav']],
  [usage, 'extend: got a sound of 0.020 s, expected at least 0.032 s, to go on from', 'extend', ['short.wav', '--seconds', '1']],
  [data, 'no sound.wav', 'vary', ['no sound.wav', '--strength', '0.5']],
  // A model without labels asked for one, and one with labels for another.
  [usage, NO_LABEL, 'generate', ['--label', 'kick']],
  [usage, NO_LABEL, 'extend', ['long.wav', '--seconds', '0.1', '--label', 'kick']],
  [usage, NO_LABEL, 'vary', ['hit.wav', '--strength', '0.5', '--label', 'kick']],
  [usage, NO_LABEL, 'fill', ['hit.wav', '--from', '0.05', '--label', 'kick']],
  [usage, NO_LABEL, 'combine', ['--label', 'kick']],
  [usage, "<from>: got 'kick', expected no label", 'morph', ['label:kick', 'seed:1']],
  [usage, "--label: got 'gong', expected one of kick, Snäre / drum", 'combine', ['--label', 'gong:2']],
  // A loop shorter than one window, or without a length that can be.
  [usage, 'loop: got 0.10 s, expected at least 0.13 s, the length that the model draws at once. Ask for more bars or a slower tempo', 'generate', ['--loop', '--seconds', '0.1']],
  [usage, 'loop: got 0.06 s, expected at least 0.13 s', 'generate', ['--loop', '--bpm', '1000', '--bars', '0.25']],
  [usage, '--bpm: got 120, expected none without --loop', 'generate', ['--bpm', '120', '--bars', '1']],
  [usage, '--loop: got --bars alone, expected --bpm and --bars', 'generate', ['--loop', '--bars', '1']],
];

describe('bad input', () => {
  it.each(CASES)('ends with status %d: %s (%s %j)', async (status, message, command, words) => {
    const run = message.includes('no label') ? 'unlabelled' : 'run';
    const result = await refusal(command, inRoot(run), ...words.map((word) => (word.endsWith('.wav') ? inRoot(word) : word)), '--out', inRoot('out'));
    expect([result.status, result.stderr]).toEqual([status, expect.stringContaining(message)]);
    expect(existsSync(inRoot('out'))).toBe(false);
  });
});
