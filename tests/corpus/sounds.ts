// Small WAV files made on the spot, and a configuration for them.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkRunConfig, type RunConfig } from '../../src/config/run-config.js';

export const RATE_HZ = 8000;

/** A small codec so that tests are quick. */
const MEL = { sampleRateHz: RATE_HZ, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 16, minHz: 50, maxHz: 4000, frames: 32 };

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'melstrom-corpus-'));
}

/** 16-bit mono WAV. */
export function wavBytes(samples: Float32Array, { sampleRateHz = RATE_HZ, channels = 1 } = {}): Buffer {
  const bytes = Buffer.alloc(44 + samples.length * 2);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + samples.length * 2, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(channels, 22);
  bytes.writeUInt32LE(sampleRateHz, 24);
  bytes.writeUInt32LE(sampleRateHz * 2 * channels, 28);
  bytes.writeUInt16LE(2 * channels, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, index) => bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32767), 44 + index * 2));
  return bytes;
}

export function sine(seconds: number, { hz = 440, gain = 0.5, sampleRateHz = RATE_HZ, silenceSeconds = 0 } = {}): Float32Array {
  const silent = Math.round(silenceSeconds * sampleRateHz);
  return Float32Array.from({ length: silent + Math.round(seconds * sampleRateHz) }, (_, index) => (index < silent ? 0 : gain * Math.sin((2 * Math.PI * hz * index) / sampleRateHz)));
}

export function writeSound(folder: string, name: string, samples: Float32Array, options: { sampleRateHz?: number; channels?: number } = {}): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wavBytes(samples, options));
}

/** Labels low, mid and high of `count` sounds each; a hundred milliseconds each, all different. */
export function writeLabelled(folder: string, count = 6): void {
  ['high', 'low', 'mid'].forEach((label, order) => {
    for (let index = 0; index < count; index += 1) writeSound(folder, `${label}/${label} ${index}.wav`, sine(0.1, { hz: 300 * (order + 1) + 7 * index }));
  });
}

export function testConfig(path: string, corpus: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): RunConfig {
  return checkRunConfig({ mel: MEL, ...rest, corpus: { path, ...corpus } }, 'test');
}
