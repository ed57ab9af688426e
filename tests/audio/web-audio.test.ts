import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebAudio } from '../../src/audio/web-audio.node.js';
import { chirpSnrDb } from './chirp.js';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const clip = { sampleRateHz: 22_050, channels: [new Float32Array(500)] };

function refuseDevice(): never {
  throw new Error('no output device');
}

afterEach(() => {
  vi.doUnmock('node-web-audio-api');
  vi.resetModules();
});

function mockMissingLibrary(): void {
  vi.doMock('node-web-audio-api', () => {
    throw new Error('libasound.so.2: cannot open shared object file: No such file or directory');
  });
}

/** A context like that of the package, which notes what it is given to play. */
function mockDevice(played: Float32Array[]): void {
  class AudioContext {
    readonly sampleRate = 44_100;
    readonly destination = {};
    createBuffer(): object {
      return { copyToChannel: (samples: Float32Array) => played.push(samples) };
    }
    createBufferSource(): object {
      const listeners: (() => void)[] = [];
      return {
        connect: () => undefined,
        addEventListener: (_type: string, listener: () => void) => listeners.push(listener),
        start: () => setTimeout(() => listeners.forEach((listener) => listener()), 5),
      };
    }
    async close(): Promise<void> {
      played.push(new Float32Array(0));
    }
  }
  vi.doMock('node-web-audio-api', () => ({ AudioContext }));
}

describe('without the system sound library', () => {
  it('FLAC, WAV and the rest are read all the same', async () => {
    mockMissingLibrary();
    const { decodeFile } = await import('../../src/audio/decode.node.js');
    const { hasWebAudio } = await import('../../src/audio/web-audio.node.js');
    expect(await hasWebAudio()).toBe(false);
    for (const name of ['chirp.flac', 'chirp-24.flac', 'chirp-float.wav', 'chirp.aiff']) {
      const { channels, sampleRateHz } = await decodeFile(fixture(name));
      expect(chirpSnrDb(channels[0], { rateHz: sampleRateHz, channel: 0 }), name).toBeGreaterThan(85);
    }
  });

  it.each(['chirp.flac', 'chirp.mp3', 'chirp-mono.mp3', 'chirp-no-info.mp3', 'chirp.ogg', 'chirp-mono.ogg'])('%s is the same sound, to the sample and within two millionths', async (name) => {
    const decoded = vi.fn();
    vi.doMock('node-web-audio-api', async (original) => {
      const real = await original<WebAudio>();
      class OfflineAudioContext extends real.OfflineAudioContext {
        override decodeAudioData(bytes: ArrayBuffer): ReturnType<InstanceType<WebAudio['OfflineAudioContext']>['decodeAudioData']> {
          decoded();
          return super.decodeAudioData(bytes);
        }
      }
      return { ...real, OfflineAudioContext };
    });
    const decodeAnew = async (): Promise<readonly Float32Array[]> => (await (await import('../../src/audio/decode.node.js')).decodeFile(fixture(name))).channels;
    const usual = await decodeAnew();
    expect(decoded).toHaveBeenCalledOnce();
    vi.resetModules();
    mockMissingLibrary();
    const without = await decodeAnew();
    expect(decoded).toHaveBeenCalledOnce();
    expect(without.map(({ length }) => length)).toEqual(usual.map(({ length }) => length));
    for (const [channel, samples] of without.entries()) expect(samples.reduce((most, value, index) => Math.max(most, Math.abs(value - usual[channel][index])), 0)).toBeLessThan(2e-6);
  });

  it('playing and rendering name the library and the command that installs it', async () => {
    mockMissingLibrary();
    const { playClip } = await import('../../src/audio/play.node.js');
    await expect(playClip(clip)).rejects.toMatchObject({ kind: 'engine', got: 'the system library libasound.so.2 is missing', fix: /apt-get install libasound2/ });
  });

  it.runIf(process.platform === 'linux')("the package's own complaint is understood, here about a broken library (skipped elsewhere: only Linux needs it)", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'melstrom libasound '));
    try {
      writeFileSync(join(folder, 'libasound.so.2'), '');
      const script = "import('node-web-audio-api').then(() => console.log('it loads'), (error) => console.log(error.message))";
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: folder } });
      const { webAudioError } = await import('../../src/audio/web-audio.node.js');
      const { describeDoctor } = await import('../../src/engine/setup/describe-doctor.js');
      const { collectDoctor } = await import('../../src/engine/setup/doctor.node.js');
      expect(webAudioError(new Error(said)).got, said).toBe('the system library libasound.so.2 is missing');
      const words = describeDoctor({ ...(await collectDoctor()), webAudio: { isPresent: false, detail: said.split('\n')[0] } });
      expect(words.lines.join('\n')).toMatch(/Web Audio +missing: .*libasound\.so\.2.*sudo apt install libasound2/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('tells other reasons apart', async () => {
    const { webAudioError } = await import('../../src/audio/web-audio.node.js');
    const error = webAudioError(new Error('Unsupported architecture on Linux: s390x'));
    expect(error.kind).toBe('engine');
    expect(error.got).toMatch(/Unsupported architecture/);
  });
});

describe('playClip', () => {
  it("converts to the device's rate, plays to the end and closes the device", async () => {
    const played: Float32Array[] = [];
    mockDevice(played);
    const { playClip } = await import('../../src/audio/play.node.js');
    await playClip(clip);
    expect(played.map((samples) => samples.length)).toEqual([1000, 0]);
  });

  it('stops at once when aborted', async () => {
    const played: Float32Array[] = [];
    mockDevice(played);
    const { playClip } = await import('../../src/audio/play.node.js');
    await playClip({ sampleRateHz: 44_100, channels: [new Float32Array(44_100 * 30)] }, { signal: AbortSignal.abort() });
    expect(played.length).toBe(2);
  });

  it('says that there is no device', async () => {
    vi.doMock('node-web-audio-api', () => ({ AudioContext: refuseDevice }));
    const { playClip } = await import('../../src/audio/play.node.js');
    await expect(playClip(clip)).rejects.toMatchObject({ kind: 'engine', where: 'sound device', got: /no output device/ });
  });
});
