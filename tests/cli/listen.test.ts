// `listen` and `play` as they are typed.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ListeningTest } from '../../src/evaluation/listening/listening-test.js';
import { EXIT_STATUS, MelstromError } from '../../src/base/errors.js';
import { servePage } from '../../src/cli/serve-page.js';
import { createTestFolder } from '../evaluation/listening/listening-folder.js';
import { interruptCommand, refusal, runCommand, runJson } from './run-command.js';

let root = '';
let plain = '';
beforeAll(() => {
  root = createTestFolder(['reference', 'codec']);
  plain = createTestFolder(['one', 'two', 'three']);
});
afterAll(() => [root, plain].forEach((folder) => rmSync(folder, { recursive: true, force: true })));

interface Made {
  readonly page: string;
  readonly kind: string;
  readonly id: string;
}

/** The test that a page carries. */
function testOf(page: string): ListeningTest {
  return JSON.parse(/<script type="application\/json" id="listening-test">(.*)<\/script>/.exec(readFileSync(page, 'utf8'))![1]) as ListeningTest;
}

describe('listen', () => {
  it('writes the page into the folder, twice the same, and asks before it replaces another', async () => {
    const { value } = await runJson<Made>('listen', root, '--no-serve');
    expect(value).toMatchObject({ page: join(root, 'listening-test.html'), kind: 'mushra' });
    expect(testOf(value.page)).toMatchObject({ kind: 'mushra', practice: 1, seed: 0, id: value.id });
    expect((await runJson<Made>('listen', root, '--no-serve')).value.id).toBe(value.id);
    const { stderr, status } = await runCommand('listen', root, '--no-serve', '--seed', '5');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('--force')]);
    expect((await runJson<Made>('listen', root, '--no-serve', '--seed', '5', '--force')).value.id).not.toBe(value.id);
  });

  it('makes what its flags say', async () => {
    const out = join(root, 'abx.html');
    const flags = ['--test', 'abx', '--trials', '3', '--practice', '2', '--title', 'Kick or codec?', '--gap', '0', '--no-level-match', '--out', out, '--no-serve'];
    await runJson('listen', root, ...flags);
    expect(testOf(out)).toMatchObject({ kind: 'abx', trials: 3, practice: 2, title: 'Kick or codec?', sounds: [{ gain: 1 }, { gain: 1 }, { gain: 1 }, { gain: 1 }], items: [{ loopSamples: 12_000 }, { loopSamples: 12_000 }] });
    const bare = join(root, 'bare.html');
    await runJson('listen', root, '--no-anchors', '--out', bare, '--no-serve');
    expect(testOf(bare).items[0].stimuli.map(({ condition }) => condition)).toEqual(['codec', 'hidden reference']);
  });

  it('asks for preferences where there is no reference, by name or by order', async () => {
    const { value } = await runJson<Made>('listen', plain, '--no-serve');
    expect(testOf(value.page)).toMatchObject({ kind: 'preference', trials: 1, items: [{ name: 'bell é', reference: null }, { name: 'kick #1' }] });
    await runJson('listen', plain, '--no-serve', '--pair-by', 'order', '--force');
    expect(testOf(value.page).items[0].name).toBe('pair 1');
  });

  it('refuses flags that say nothing here, and a missing folder', async () => {
    expect((await refusal('listen', root, '--trials', '2', '--no-serve')).stderr).toContain('--trials: the flag beside --test mushra');
    expect((await refusal('listen', plain, '--no-anchors', '--no-serve')).stderr).toContain('--no-anchors: the flag beside --test preference');
    expect((await refusal('listen', plain, '--test', 'mushra', '--no-serve')).stderr).toContain("no folder 'reference'");
    expect((await refusal('listen')).stderr).toContain('expected a folder of sounds, or --analyse');
    expect((await refusal('listen', root, '--analyse', 'x.json')).stderr).toContain('beside --analyse');
    expect((await refusal('listen', root, '--no-serve', '--out', join(root, 'none', 'x.html'))).stderr).toContain('--out');
  });

  it('serves the page on this machine until it is interrupted', async () => {
    const { stdout, status, stderr } = await interruptCommand(/served at/, 'listen', root, '--seed', '5');
    expect([status, stderr]).toEqual([0, expect.stringContaining('stopping')]);
    expect(stdout).toMatch(/served at http:\/\/127\.0\.0\.1:\d+\/ \(Ctrl-C ends\)/);
    expect(stdout).toContain('from disk: file:///');
  });
});

describe('the server', () => {
  const ask = (url: string, { path = '/', host, method = 'GET' }: { path?: string; host?: string; method?: string } = {}): Promise<number> =>
    new Promise((settle, fail) => request(new URL(path, url), { method, ...(host === undefined ? {} : { headers: { host } }) }, (response) => {
      response.resume();
      settle(response.statusCode ?? 0);
    }).on('error', fail).end());

  it('gives one page to this machine’s own names, and nothing else', async () => {
    const server = await servePage('<p>page', 0);
    const port = new URL(server.url).port;
    expect(await (await fetch(server.url)).text()).toBe('<p>page');
    expect([await ask(server.url), await ask(server.url, { host: `localhost:${port}` }), await ask(server.url, { host: 'elsewhere.example' }), await ask(server.url, { path: '/etc/passwd' }), await ask(server.url, { method: 'POST' })]).toEqual([200, 200, 403, 404, 405]);
    await expect(servePage('', Number(port))).rejects.toThrow(/--port: got \d+, which can't be used/);
    await server.until(AbortSignal.abort());
    await expect(fetch(server.url)).rejects.toThrow();
  });
});

describe('listen --analyse', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'melstrom-results-'));
    for (const listener of ['ann', 'bob']) {
      const trials = Array.from({ length: 16 }, (_, index) => ({ number: index + 1, item: 'kick', seconds: 3, heard: [1, 1, 1], a: 'reference', b: 'codec', x: 'a', choice: index < 12 ? 'a' : 'b', isCorrect: index < 12 }));
      const results = { format: 'melstrom-listening-results', version: 1, test: { id: 'x', title: 'T', kind: 'abx', seed: 0 }, listener, equipment: 'phones', started: '2026', finished: '2026', trials };
      writeFileSync(join(folder, `${listener}.json`), JSON.stringify(results));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('prints a report and writes a page', async () => {
    const page = join(folder, 'report.html');
    const files = ['ann', 'bob'].map((name) => join(folder, `${name}.json`));
    const { stdout, status } = await runCommand('listen', '--analyse', ...files, '--out', page);
    expect(status).toBe(0);
    expect(stdout).toMatch(/reference \/ codec +24 of 32 +75\.0 %/);
    expect(stdout).toMatch(/reference \/ codec: ann +12 of 16 .*0\.0384/);
    expect(readFileSync(page, 'utf8')).toContain('24 of 32');
    expect((await refusal('listen', '--analyse', ...files, '--out', page)).stderr).toContain('--force');
    const { value } = await runJson<{ abx: { pairs: { p: number }[] } }>('listen', '--analyse', files[0]);
    expect(value.abx.pairs[0].p).toBeCloseTo(0.0384, 4);
  });

  it('names the file that is no result', async () => {
    expect((await refusal('listen', '--analyse', join(folder, 'none.json'))).stderr).toContain('none.json: got a file that can\'t be read');
    expect((await refusal('listen', '--analyse', join(root, 'codec', 'bell é.wav'))).stderr).toContain('got no JSON');
  });
});

describe('play', () => {
  afterEach(() => vi.doUnmock('../../src/audio/play.node.js'));

  it('plays in order, or says that there is no sound device', async () => {
    const files = ['reference', 'codec'].map((name) => join(root, name, 'kick #1.wav'));
    const { status, stdout, stderr } = await runCommand('play', ...files);
    if (status === 0) expect(stdout).toContain('played 2 of 2');
    else expect([status, stderr]).toEqual([EXIT_STATUS.engine, expect.stringMatching(/sound device: none can be opened|libasound/)]);
    expect(existsSync(files[0])).toBe(true);
  });

  it('reads every file before the first is heard, and tells what it played', async () => {
    const heard: number[] = [];
    vi.resetModules();
    vi.doMock('../../src/audio/play.node.js', () => ({ playClip: ({ channels }: { channels: Float32Array[] }) => Promise.resolve(heard.push(channels[0].length)) }));
    const { addPlay } = await import('../../src/cli/commands/play.js');
    const { Command } = await import('commander');
    const run = async (...files: string[]): Promise<void> => {
      const program = new Command().option('--json').option('--quiet');
      addPlay(program);
      await program.parseAsync(['node', 'melstrom', '--quiet', 'play', ...files]);
    };
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await run(join(root, 'reference', 'kick #1.wav'), join(root, 'codec', 'bell é.wav'));
    expect(write.mock.calls.map(([text]) => String(text)).join('')).toContain('played 2 of 2');
    write.mockRestore();
    expect(heard).toEqual([7200, 7200]);
    const missing = await run(join(root, 'reference', 'kick #1.wav'), join(root, 'none.wav')).catch((error: unknown) => error);
    expect((missing as MelstromError).message).toContain('none.wav');
    expect(heard).toHaveLength(2);
  });
});
