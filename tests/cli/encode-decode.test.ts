import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { writeWav } from '../../src/audio/encode.node.js';
import { createProgram } from '../../src/cli/program.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom-encode 🥁-'));
const at = (name: string): string => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs a command and gives back what it prints under --json. */
async function run(...args: readonly string[]): Promise<Record<string, unknown>> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await createProgram().parseAsync(['--json', '--quiet', ...args], { from: 'user' });
  vi.restoreAllMocks();
  return JSON.parse(text) as Record<string, unknown>;
}

process.setMaxListeners(0); // every command listens for Ctrl-C until its process ends
const count = 11_025;
const tone = (hz: number, gain: number): Float32Array => Float32Array.from({ length: count }, (_, index) => gain * Math.sin((2 * Math.PI * hz * index) / 22_050));
await writeWav(at('tone.wav'), { sampleRateHz: 22_050, channels: [tone(440, 0.3), tone(880, 0.1)] }, { bitDepth: 16 });
await writeWav(at('short.wav'), { sampleRateHz: 22_050, channels: [tone(440, 0.3), tone(880, 0.1)].map((channel) => channel.slice(0, 4410)) }, { bitDepth: 16 });
const rms = (sound: Float32Array): number => Math.sqrt(sound.reduce((sum, sample) => sum + sample * sample, 0) / sound.length);

describe('encode and decode', () => {
  it.each([[[], 16], [['--bits', '8'], 8], [['--bits', '16'], 16]] as const)('know our own layout by itself: %j', async (flags, depth) => {
    const png = at(`own-${flags.join('')}.png`);
    expect(await run('encode', at('tone.wav'), '--out', png, ...flags)).toMatchObject({ layout: 'melstrom', melBins: 80, frames: 44 });
    expect(decode(readFileSync(png)).depth).toBe(depth);
    expect(await run('decode', png, '--out', `${png}.wav`, '--iterations', '2')).toMatchObject({ layout: 'melstrom', channels: 1, isLevelKnown: true, gainDb: 0 });
    expect(rms((await decodeFile(`${png}.wav`)).channels[0])).toBeGreaterThan(0.05);
  });

  it.each([['--phase-method', 'fast'], ['--phase-start', 'random'], ['--magnitudes', 'fixed'], ['--iterations', '1']])('invert as %s %s says, and say how near they came', async (flag, value) => {
    const png = at(`inverted${flag}.png`);
    await run('encode', at('tone.wav'), '--out', png);
    const usual = await run('decode', png, '--out', `${png}-usual.wav`, '--iterations', '4');
    const other = await run('decode', png, '--out', `${png}-other.wav`, '--iterations', '4', flag, value);
    expect(usual).toMatchObject({ inversion: { spectralConvergenceDb: expect.any(Number) as number, levelDifferenceDb: expect.any(Number) as number } });
    expect(other.inversion).not.toEqual(usual.inversion);
  });

  it.each([[[], 1], [['--stereo'], 2]] as const)("write Riffusion's and know it again: %j", async (flags, channelCount) => {
    const png = at(`riffusion-${channelCount}.png`);
    expect(await run('encode', at('short.wav'), '--layout', 'riffusion', '--out', png, ...flags)).toMatchObject({ layout: 'riffusion', melBins: 512, frames: 21 });
    expect(await run('decode', png, '--out', `${png}.wav`, '--iterations', '1')).toMatchObject({ layout: 'riffusion', channels: channelCount, isLevelKnown: true });
    const { sampleRateHz, channels } = await decodeFile(`${png}.wav`);
    expect([sampleRateHz, channels.length]).toEqual([44_100, channelCount]);
    if (channelCount === 2) expect(rms(channels[0]) / rms(channels[1])).toBeCloseTo(3, 0);
  });

  it("write audio-diffusion's by its mel_config.json, slice by slice, and read it with and without", async () => {
    const config = at('mel_config.json');
    writeFileSync(config, JSON.stringify({ _class_name: 'Mel', _diffusers_version: '0.24.0', x_res: 16, y_res: 32, sample_rate: 16_000, n_fft: 512, hop_length: 128, top_db: 80, n_iter: 32 }));
    const [whole, second] = [at('whole.png'), at('second.png')];
    expect(await run('encode', at('tone.wav'), '--layout', 'audio-diffusion', '--out', whole)).toMatchObject({ melBins: 256, frames: 22 });
    expect(await run('encode', at('tone.wav'), '--layout', 'audio-diffusion', '--out', second, '--mel-config', config, '--slice', '1')).toMatchObject({ melBins: 32, frames: 16 });
    await expect(run('encode', at('tone.wav'), '--layout', 'audio-diffusion', '--out', at('none.png'), '--mel-config', config, '--slice', '9')).rejects.toThrow(/slice: got 9/);
    expect(await run('decode', second, '--out', at('a.wav'), '--iterations', '1')).toMatchObject({ layout: 'audio-diffusion', isLevelKnown: true });
    expect(await run('decode', second, '--out', at('b.wav'), '--iterations', '1', '--layout', 'audio-diffusion', '--mel-config', config)).toMatchObject({ layout: 'audio-diffusion' });
    expect(await decodeFile(at('b.wav'))).toEqual(await decodeFile(at('a.wav')));
    await expect(run('decode', whole, '--out', at('c.wav'), '--mel-config', config)).rejects.toThrow(/256 rows, expected 32 \(y_res\)/);
  });

  it('say by how much a sound was turned down to fit', async () => {
    await writeWav(at('loud.wav'), { sampleRateHz: 22_050, channels: [Float32Array.from({ length: count }, (_, index) => (index % 50 < 25 ? 0.99 : -0.99))] }, { bitDepth: 16 });
    await run('encode', at('loud.wav'), '--out', at('loud.png'));
    const { gainDb } = await run('decode', at('loud.png'), '--out', at('loud-again.wav'), '--iterations', '0');
    expect(gainDb).toBeLessThan(-0.5);
    expect(gainDb).toBeGreaterThan(-20);
  });

  it('refuse flags of another layout, unknown layouts, and images that say nothing', async () => {
    const encodeWith = (...flags: string[]): Promise<unknown> => run('encode', at('tone.wav'), '--out', at('x.png'), ...flags);
    await expect(encodeWith('--stereo')).rejects.toThrow(/--stereo: got it together with --layout melstrom, expected --layout riffusion/);
    await expect(encodeWith('--layout', 'riffusion', '--bits', '8')).rejects.toThrow(/--bits.*expected --layout melstrom/);
    await expect(encodeWith('--layout', 'riffusion', '--config', 'x.yaml')).rejects.toThrow(/--config.*expected --layout melstrom/);
    await expect(encodeWith('--layout', 'riffusion', '--slice', '0')).rejects.toThrow(/--slice.*expected --layout audio-diffusion/);
    await expect(encodeWith('--mel-config', 'x.json')).rejects.toThrow(/--mel-config.*expected --layout audio-diffusion/);
    await expect(encodeWith('--bits', '12')).rejects.toThrow(/expected 8 or 16/);
    await expect(encodeWith('--layout', 'riffuson')).rejects.toThrow(/Allowed choices are melstrom, riffusion, audio-diffusion/);
    await expect(encodeWith('--layout', 'audio-diffusion', '--mel-config', at('nowhere.json'))).rejects.toThrow(/nowhere\.json: got a file that can't be read/);
    const png = at('plain.png');
    writeFileSync(png, (await import('fast-png')).encode({ width: 3, height: 8, data: new Uint8Array(24).fill(100), depth: 8, channels: 1 }));
    await expect(run('decode', png, '--out', at('y.wav'))).rejects.toThrow(/carries no spectrogram parameters/);
    await expect(run('decode', png, '--out', at('y.wav'), '--layout', 'melstrom')).rejects.toThrow(/without the text/);
    expect(await run('decode', png, '--out', at('y.wav'), '--layout', 'audio-diffusion', '--iterations', '1')).toMatchObject({ isLevelKnown: false });
    expect((await decodeFile(at('y.wav'))).channels[0].reduce((a, b) => Math.max(a, Math.abs(b)), 0)).toBeCloseTo(0.8913, 3);
  });

  it('refuse more than two channels in stereo', async () => {
    await writeWav(at('three.wav'), { sampleRateHz: 22_050, channels: [tone(1, 1), tone(2, 1), tone(3, 1)].map((channel) => channel.map((sample) => sample / 2)) }, { bitDepth: 16 });
    await expect(run('encode', at('three.wav'), '--layout', 'riffusion', '--stereo', '--out', at('z.png'))).rejects.toThrow(/3 channels, expected 1 or 2/);
  });
});
