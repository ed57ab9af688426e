// `melstrom listen`: makes the page of a blind listening test from a folder and serves it, or analyses what listeners sent back.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Option, type Command } from 'commander';
import { writeWhole } from '../../audio/write-whole.node.js';
import { MelstromError } from '../../base/errors.js';
import { renderListeningPage } from '../../evaluation/listening/listening-page.node.js';
import { TEST_KINDS, type TestKind } from '../../evaluation/listening/listening-test.js';
import { makeListeningTest } from '../../evaluation/listening/make-test.node.js';
import { defaultKind, readTestFolder, requireFit, type Pairing } from '../../evaluation/listening/read-folder.node.js';
import { integer, number, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { analyseFiles } from '../analyse-listening.js';
import { createContext, type CommandContext } from '../context.js';
import { requireWritableFile } from '../output.js';
import { servePage } from '../serve-page.js';

interface ListenFlags {
  readonly test?: TestKind;
  readonly title?: string;
  readonly trials?: number;
  readonly practice?: number;
  readonly seed: number;
  readonly gap: number;
  readonly levelMatch: boolean;
  readonly anchors: boolean;
  readonly pairBy: Pairing;
  readonly out?: string;
  readonly force?: boolean;
  readonly serve: boolean;
  readonly port: number;
  readonly analyse?: string[];
}

const PAGE_NAME = 'listening-test.html';

const LAYOUT_HELP = `
The folder holds a sub-folder for each condition (what made the sounds), with the same file names in each:
  test/reference/kick.wav   test/codec-a/kick.wav   test/codec-b/kick.wav
  test/reference/bell.wav   test/codec-a/bell.wav   test/codec-b/bell.wav
'reference' holds the originals and may be absent for --test preference and --test abx.`;

/** Adds the command to the program. */
export function addListen(program: Command): void {
  program
    .command('listen')
    .description('a blind listening test on one page that needs no server (MUSHRA, ABX or preference), and the analysis of its results')
    .argument('[folder]', 'sounds: a sub-folder for each condition, with the same file names in each')
    .addOption(new Option('--test <kind>', 'kind of test (default: mushra with a folder named reference, else preference)').choices(TEST_KINDS))
    .option('--title <text>', 'title of the page (default: the name of the folder)')
    .option('--trials <n>', 'abx: trials for each pair of conditions (default: 16); preference: times that each pair of each sound is asked for (default: 1)', integer(1))
    .option('--practice <n>', 'trials at the start that do not count (default: 1 for mushra, which BS.1534 demands, else 0)', integer(0))
    .option('--seed <n>', 'seed of the order, which differs from listener to listener', integer(0), 0)
    .option('--gap <seconds>', 'silence between rounds of the loop', number(0, 10), 0.25)
    .option('--no-level-match', 'keep the levels of the files instead of bringing all to one loudness')
    .option('--no-anchors', 'mushra without the low-passed references at 3.5 and 7 kHz')
    .addOption(new Option('--pair-by <what>', 'which sounds belong together: those of equal names, or, for generated clips, the first of each folder and so on').choices(['name', 'order']).default('name'))
    .option('--out <html>', `where the page is written, or the report of --analyse (default: ${PAGE_NAME} in the folder)`)
    .option('--force', 'overwrite another page')
    .option('--no-serve', 'write the page and end')
    .option('--port <n>', 'port to serve on; 0 takes a free one', integer(0), 0)
    .option('--analyse <results...>', 'report on results that listeners saved as JSON')
    .addHelpText('after', LAYOUT_HELP)
    .action(async (folder: string | undefined, flags: ListenFlags, command: Command) => {
      const context = createContext(command);
      if (flags.analyse !== undefined) {
        if (folder !== undefined) throw new MelstromError({ kind: 'usage', where: '<folder>', got: `'${folder}' beside --analyse`, expected: 'one of the two', fix: 'Results name their test; leave the folder out.' });
        await analyseFiles(flags.analyse, { out: flags.out, force: flags.force ?? false, context });
        return;
      }
      if (folder === undefined) throw new MelstromError({ kind: 'usage', where: '<folder>', got: 'nothing', expected: 'a folder of sounds, or --analyse with results' });
      await makePage(requireReadableFolder('<folder>', folder), flags, context);
    });
}

async function makePage(root: string, flags: ListenFlags, context: CommandContext): Promise<void> {
  const { reporter, print } = context;
  const { pairBy, seed, gap, levelMatch, anchors } = flags;
  const folder = readTestFolder(root, pairBy);
  const kind = flags.test ?? defaultKind(folder);
  requireFit(root, kind, folder);
  refuseUseless(kind, flags);
  const out = resolve(flags.out ?? join(root, PAGE_NAME));
  requireWritableFolder('--out', requireReadableFolder('--out', dirname(out)));
  const test = await makeListeningTest({
    folder, kind, title: flags.title ?? basename(root), seed, trials: flags.trials ?? (kind === 'abx' ? 16 : 1), practice: flags.practice ?? (kind === 'mushra' ? 1 : 0),
    gapSeconds: gap, isLevelMatched: levelMatch, hasAnchors: anchors, reporter,
  });
  const html = renderListeningPage(test);
  if (!(existsSync(out) && readFileSync(out, 'utf8') === html)) {
    requireWritableFile('--out', out, flags.force ?? false);
    await writeWhole(out, html, { force: flags.force });
  }
  const made = { page: out, kind, id: test.id, items: test.items.length, conditions: folder.conditions, bytes: Buffer.byteLength(html) };
  const lines = [`${kind}: ${folder.items.length} sounds under ${folder.conditions.length} conditions, ${(made.bytes / 1e6).toFixed(1)} MB`, `page: ${out}`, `from disk: ${pathToFileURL(out).href}`];
  if (!flags.serve) return print(made, lines);
  const server = await servePage(html, flags.port);
  print({ ...made, url: server.url }, [...lines, `served at ${server.url} (Ctrl-C ends)`]);
  await server.until(context.signal);
}

function refuseUseless(kind: TestKind, { trials, anchors }: ListenFlags): void {
  const [flag, fix] = kind === 'mushra' && trials !== undefined ? ['--trials', 'Each sound is rated once; leave it out.'] : kind !== 'mushra' && !anchors ? ['--no-anchors', 'Only mushra has anchors; leave it out.'] : [];
  if (flag !== undefined) throw new MelstromError({ kind: 'usage', where: flag, got: `the flag beside --test ${kind}`, fix });
}
