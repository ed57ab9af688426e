import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MelstromError } from '../../src/base/errors.js';
import { createRandom } from '../../src/base/random.js';
import { decodeFile, openAudio } from '../../src/audio/decode.node.js';
import { hasWebAudio } from '../../src/audio/web-audio.node.js';
import { chirpSnrDb } from './chirp.js';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'melstrom é 🎵 '));
});
afterAll(() => rm(folder, { recursive: true }));

async function errorOf(path: string): Promise<MelstromError> {
  const thrown: unknown = await decodeFile(path).then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown, path).toBeInstanceOf(MelstromError);
  return thrown as MelstromError;
}

interface Case {
  readonly name: string;
  readonly format: string;
  readonly rateHz: number;
  readonly channels: number;
  readonly frames: number;
  /** 16-bit sources leave about 90 dB for a chirp of half scale; lossy codings are as good as they are. */
  readonly snrDb: number;
  readonly edge?: number;
}

// A delay of one sample would leave 10 to 20 dB, so the figures prove the alignment too.
const CASES: readonly Case[] = [
  { name: 'chirp.flac', format: 'flac', rateHz: 44100, channels: 2, frames: 13000, snrDb: 85 },
  { name: 'chirp-24.flac', format: 'flac', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-flac.oga', format: 'ogg flac', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp.mp3', format: 'mp3', rateHz: 44100, channels: 2, frames: 13000, snrDb: 40, edge: 600 },
  { name: 'chirp-mono.mp3', format: 'mp3', rateHz: 22050, channels: 1, frames: 6000, snrDb: 40, edge: 600 },
  { name: 'chirp.ogg', format: 'ogg vorbis', rateHz: 44100, channels: 2, frames: 13000, snrDb: 25, edge: 300 },
  { name: 'chirp-mono.ogg', format: 'ogg vorbis', rateHz: 22050, channels: 1, frames: 6000, snrDb: 25, edge: 300 },
  { name: 'chirp.opus', format: 'ogg opus', rateHz: 48000, channels: 2, frames: 14000, snrDb: 25, edge: 300 },
  { name: 'chirp-mono.opus', format: 'ogg opus', rateHz: 48000, channels: 1, frames: 13062, snrDb: 25, edge: 300 },
  { name: 'chirp.aiff', format: 'aiff', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-float.aifc', format: 'aiff', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-sowt.aifc', format: 'aiff', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-24.wav', format: 'wav', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-24-ffmpeg.wav', format: 'wav', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-float.wav', format: 'wav', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-rf64.wav', format: 'wav', rateHz: 44100, channels: 2, frames: 1000, snrDb: 85 },
  { name: 'chirp-alaw.wav', format: 'wav', rateHz: 44100, channels: 2, frames: 1000, snrDb: 35 },
  { name: 'chirp-ulaw.wav', format: 'wav', rateHz: 44100, channels: 2, frames: 1000, snrDb: 35 },
];

describe('decodeFile', () => {
  it.each(CASES)('reads $name at its own rate, in place and at its level', async ({ name, rateHz, channels, frames, snrDb, edge }) => {
    const clip = await decodeFile(fixture(name));
    expect(clip.sampleRateHz).toBe(rateHz);
    expect(clip.channels.map((channel) => channel.length)).toEqual(Array.from({ length: channels }, () => frames));
    clip.channels.forEach((samples, channel) => {
      expect(chirpSnrDb(samples, { rateHz, channel, edge })).toBeGreaterThan(snrDb);
    });
  });

  it.each(CASES)('tells format, rate, channels and length of $name before decoding', async ({ name, format, rateHz, channels, frames }) => {
    const source = await openAudio(fixture(name));
    await source.close();
    expect(source).toMatchObject({ format, sampleRateHz: rateHz, channelCount: channels });
    expect(Math.abs((source.frameCountEstimate ?? 0) - frames)).toBeLessThanOrEqual(1);
  });

  it('keeps every sample of an MP3 that does not say what to trim, encoder delay included', async () => {
    const clip = await decodeFile(fixture('chirp-no-info.mp3'));
    expect(clip.channels[0].length % 1152).toBe(0);
    expect(clip.channels[0].length).toBeGreaterThan(13000);
  });

  it('gives the same FLAC samples, bit for bit, from the whole and the streaming decoder', async () => {
    // Without a length in its header a file is streamed.
    const bytes = await readFile(fixture('chirp.flac'));
    bytes[21] &= 0xf0;
    bytes.fill(0, 22, 26);
    const path = join(folder, 'open.flac');
    await writeFile(path, bytes);
    const streamed = await decodeFile(path);
    const whole = await decodeFile(fixture('chirp.flac'));
    expect(await hasWebAudio(), 'node-web-audio-api, so that the two decoders differ').toBe(true);
    expect(streamed.channels).toEqual(whole.channels);
  });

  it('reads what the content says, not what the name says', async () => {
    const path = join(folder, 'riff inside.ogg');
    await writeFile(path, await readFile(fixture('chirp-float.wav')));
    const source = await openAudio(path);
    await source.close();
    expect(source.format).toBe('wav');
  });

  it.each(['chirp.mp3', 'chirp.flac'])('reads %s behind a tag', async (name) => {
    const tag = new Uint8Array(10 + 300).fill(0xff, 10);
    tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 2, 44]);
    const end = new Uint8Array(128);
    end.set(new TextEncoder().encode('TAG'));
    const path = join(folder, `tagged ${name}`);
    await writeFile(path, Buffer.concat([tag, await readFile(fixture(name)), ...(name.endsWith('mp3') ? [end] : [])]));
    expect(await decodeFile(path)).toEqual(await decodeFile(fixture(name)));
  });
});

describe('one clear error for a bad file', () => {
  it.each(CASES)('$name cut to two thirds is truncated', async ({ name }) => {
    const bytes = await readFile(fixture(name));
    const path = join(folder, `cut ${name}`);
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * 0.66)));
    const error = await errorOf(path);
    expect(error).toMatchObject({ kind: 'data', where: path });
    expect(error.got).toMatch(/truncated/);
  });

  it.each(CASES)('$name cut within its header', async ({ name }) => {
    const path = join(folder, `head ${name}`);
    await writeFile(path, (await readFile(fixture(name))).subarray(0, 20));
    expect(await errorOf(path)).toMatchObject({ kind: 'data', where: path });
  });

  it.each(['chirp.flac', 'chirp.mp3'])('%s with a hole', async (name) => {
    const bytes = await readFile(fixture(name));
    bytes.fill(0, 3000, 4500);
    const path = join(folder, `hole ${name}`);
    await writeFile(path, bytes);
    expect((await errorOf(path)).got).toMatch(/damaged/);
  });

  it.each(['chirp.ogg', 'chirp.opus', 'chirp-flac.oga'])('%s with a bit changed, a page missing, or what is no page in between', async (name) => {
    const bytes = await readFile(fixture(name));
    const starts = pageStarts(bytes);
    const cases: [Buffer, RegExp][] = [
      [Buffer.from(bytes), /checksum of the page at byte \d+ of \d+ does not fit/],
      [Buffer.concat([bytes.subarray(0, starts.at(-2)), bytes.subarray(starts.at(-1))]), /pages are missing before byte \d+ of \d+/],
      [Buffer.concat([bytes.subarray(0, starts.at(-1)), Buffer.from('OggX what is this'), bytes.subarray(starts.at(-1))]), /damaged at byte \d+ of \d+/],
    ];
    cases[0][0][starts.at(-1)! - 10] ^= 4;
    for (const [index, [damaged, message]] of cases.entries()) {
      const path = join(folder, `${index} ${name}`);
      await writeFile(path, damaged);
      expect((await errorOf(path)).got).toMatch(message);
    }
  });

  it.each(['chirp.ogg', 'chirp.opus', 'chirp-flac.oga'])('%s with something behind its end is read', async (name) => {
    const path = join(folder, `tagged ${name}`);
    await writeFile(path, Buffer.concat([await readFile(fixture(name)), Buffer.from('TAG or whatever')]));
    expect((await decodeFile(path)).channels).toEqual((await decodeFile(fixture(name))).channels);
  });

  it('a FLAC cut within its first frame', async () => {
    const path = join(folder, 'first frame.flac');
    await writeFile(path, (await readFile(fixture('chirp.flac'))).subarray(0, 900));
    expect((await errorOf(path)).got).toMatch(/truncated flac file/);
  });

  it.each(CASES)('$name with bytes changed at random is read or refused, never an error of another kind', async ({ name }) => {
    const bytes = await readFile(fixture(name));
    const path = join(folder, `damaged ${name}`);
    for (let trial = 0; trial < 24; trial += 1) {
      const random = createRandom(trial, 'damage', name);
      const damaged = Buffer.from(bytes);
      const reach = trial % 2 === 0 ? Math.min(200, bytes.length) : bytes.length; // headers, then anywhere
      for (let change = 0; change < 8; change += 1) damaged[random.integer(reach)] = random.integer(256);
      await writeFile(path, damaged);
      const thrown: unknown = await decodeFile(path).then(() => null, (error: unknown) => error);
      if (thrown !== null) expect(thrown, `trial ${trial}`).toMatchObject({ kind: 'data', where: path });
    }
  });

  it.each([
    ['empty.wav', '', /empty/],
    ['text.wav', 'This is not sound at all, only some words in a row, and more of them than any header has.', /no sound format/],
    ['pointer.wav', 'version https://git-lfs.github.com/spec/v1\noid sha256:0', /Git LFS/],
    ['notes.mp3', 'MThd\0\0\0\x06\0\x01\0\x02', /MIDI/],
    ['video.wav', 'RIFF\0\0\0\0AVI LIST', /AVI/],
    ['noise.mp3', '\xff\xfb\x90\x44 no second frame follows this one', /truncated|no MP3 frame/],
    ['tag only.mp3', 'ID3\x04\0\0\0\0\0\x00', /no MP3 frame/],
  ])('%s', async (name, content, message) => {
    const path = join(folder, name);
    await writeFile(path, Buffer.from(content, 'latin1'));
    const error = await errorOf(path);
    expect(error).toMatchObject({ kind: 'data', where: path });
    expect(error.got).toMatch(message);
  });

  it('names a coding inside WAV, Ogg or MPEG-4 that is not read', async () => {
    expect((await errorOf(fixture('chirp-adpcm.wav'))).got).toMatch(/IMA ADPCM/);
    expect((await errorOf(fixture('chirp.m4a'))).got).toMatch(/MPEG-4/);
  });

  it('a missing file and a folder', async () => {
    expect((await errorOf(join(folder, 'nowhere.wav'))).got).toBe('no such file');
    expect((await errorOf(folder)).got).toMatch(/folder/);
  });
});

function pageStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = bytes.indexOf('OggS'); at >= 0; at = bytes.indexOf('OggS', at + 1)) starts.push(at);
  return starts;
}
