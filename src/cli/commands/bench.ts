// `melstrom bench`: how fast and how large this is beside the same work in Python, row by row, on this machine.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { MelstromError, messageOf } from '../../base/errors.js';
import { loadRunConfig } from '../../config/load.node.js';
import { describeEngine } from '../../engine/engine-info.js';
import { supportsBfloat16 } from '../../engine/ops/index.js';
import { packageRoot } from '../../engine/setup/package-root.node.js';
import { referencePython, type ReferencePython } from '../../engine/setup/python-environment.node.js';
import { startEngine, type EngineInfo } from '../../engine/start.node.js';
import { integer, number } from '../arguments.js';
import { benchMarkdown, settingLine } from '../bench/markdown.js';
import { runPrecisionLosses } from '../bench/precision-losses.js';
import { createRows, DRUMS, parseRowGroups, ROW_GROUPS, type BenchRow, type RowGroup } from '../bench/rows.js';
import { OURS, runRow } from '../bench/run-row.js';
import { runGrowth, runLargeCorpus } from '../bench/side-measures.js';
import { benchTable, verdictOf, type Measured } from '../bench/table.js';
import { createContext, INTERRUPTED_STATUS, type CommandContext } from '../context.js';
import { requireWritableFile } from '../output.js';

interface BenchFlags {
  readonly rows?: RowGroup[];
  readonly pairs: number;
  readonly turn: number;
  readonly quick?: boolean;
  readonly withPeers?: boolean;
  readonly growth?: string;
  readonly corpusHours?: number;
  readonly losses?: number;
  readonly markdown?: boolean;
}

const PEERS = join(packageRoot, 'tests', 'bench');
const RATIO = 'ratio: how many times as fast as the peer, or of memory how much of the peer\'s; the median of the pairs and its spread';

/** Adds the command to the program. */
export function addBench(program: Command): void {
  program
    .command('bench')
    .description('compare speed and memory with the same work in Python, both in turn, on this machine; about 40 minutes on two cores, in which it should be left alone')
    .option('--rows <groups>', `only these, of ${ROW_GROUPS.join(', ')}, with commas between`, parseRowGroups)
    .option('--pairs <n>', 'how often both sides of a row are run in turn', integer(1), 5)
    .option('--turn <ms>', 'a turn repeats what is shorter for this long', integer(0), 1000)
    .option('--quick', 'far less work in each row, to see that all of them run; the figures say little')
    .option('--with-peers', 'make the Python environment to compare with when there is none yet (several GB); MELSTROM_PYTHON names one of your own')
    .option('--growth <file>', 'instead of the table: how a step grows with batch, frames and channels, as lines and as a plot in this SVG file; about 10 minutes')
    .option('--losses <seeds>', 'instead of the table: the validation loss of short runs in bfloat16 beside those in float32, from so many seeds; 3 take about 10 minutes', integer(2))
    .option('--markdown', 'print the table as Markdown, with date and machine, for a README')
    .option('--corpus-hours <n>', 'instead of the table: the peak of memory of preparing and training on so many hours of made sound; 100 take some 25 GB of disk for a while', number(0.001))
    .action(async (flags: BenchFlags, command: Command) => {
      const context = createContext(command);
      if (flags.growth !== undefined) requireWritableFile('--growth', flags.growth, true);
      const folder = mkdtempSync(join(tmpdir(), 'melstrom-bench-'));
      try {
        const engine = await startEngine('auto');
        const side = { program: OURS, context, folder, threads: engine.threads, turnMilliseconds: flags.turn, isQuick: flags.quick ?? false };
        if (flags.growth !== undefined) await runGrowth(flags.growth, side);
        else if (flags.losses !== undefined && !(await runPrecisionLosses(flags.losses, side))) process.exitCode = 1;
        else if (flags.corpusHours !== undefined && (await runLargeCorpus(flags.corpusHours, side)) === false) process.exitCode = 1;
        else if (flags.losses === undefined && flags.corpusHours === undefined) await printTable(flags, { context, folder, engine });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      if (context.signal.aborted) process.exitCode = INTERRUPTED_STATUS;
    });
}

async function printTable(flags: BenchFlags, { context, folder, engine }: { context: CommandContext; folder: string; engine: EngineInfo }): Promise<void> {
  const python = await findPeers(flags, context);
  const wanted = createRows({ drums: await loadRunConfig(DRUMS), folder, isQuick: flags.quick }).filter(({ group }) => flags.rows?.includes(group) ?? true);
  const { rows, failures } = await runRows(wanted, { flags, context, folder, engine, python });
  const setting = {
    date: new Date(), processor: cpus()[0]?.model.trim() ?? 'unknown processor', memoryBytes: totalmem(),
    versions: [describeEngine(engine), `Node ${process.versions.node}`, python === null ? 'no peers' : `peers: Python ${python.versions}`],
  };
  context.print({ setting, engine, peers: python?.versions ?? null, node: process.versions.node, rows: rows.map((row) => ({ ...row, verdict: verdictOf(row) })), failures }, [
    ...(flags.markdown ? benchMarkdown(rows, setting) : [settingLine(setting), RATIO, ...benchTable(rows)]),
    ...failures.map(({ name, problem }) => `FAILED ${name}: ${problem}`),
  ]);
  if (failures.length > 0) process.exitCode = 1;
}

/** The Python of the peers; null, with a line that says why, when our side is measured alone. */
async function findPeers({ withPeers = false }: BenchFlags, { reporter: { log } }: CommandContext): Promise<ReferencePython | null> {
  if (!existsSync(PEERS)) {
    log.warn('no peers: their scripts are in a checkout of the repository and not in the package');
    return null;
  }
  try {
    const python = await referencePython({ say: (line) => log.info(line), pins: join(PEERS, 'requirements.txt'), mayMake: withPeers });
    if (python.unpinned.length > 0) log.warn(`not the pinned version: ${python.unpinned.join(', ')}`);
    return python;
  } catch (error) {
    if (withPeers) throw new MelstromError({ kind: 'usage', where: '--with-peers', got: messageOf(error).replace(/\.$/, ''), cause: error });
    log.warn(`no peers: ${messageOf(error).replace(/\.$/, '')}. Only our own figures follow; --with-peers makes one, and MELSTROM_PYTHON names one of your own`);
    return null;
  }
}

interface Running {
  readonly flags: BenchFlags;
  readonly context: CommandContext;
  readonly folder: string;
  readonly engine: EngineInfo;
  readonly python: ReferencePython | null;
}

/** A row that fails is told and passed by, so that the others are not lost. */
async function runRows(wanted: readonly BenchRow[], { flags, context, folder, engine, python }: Running): Promise<{ rows: Measured[]; failures: { name: string; problem: string }[] }> {
  const { reporter, signal } = context;
  const rows: Measured[] = [];
  const failures: { name: string; problem: string }[] = [];
  const progress = reporter.startProgress('bench', wanted.length, 'rows');
  for (const [index, row] of wanted.entries()) {
    if (signal.aborted) break;
    if (row.kind === 'jobs' && row.needsBfloat16 && !supportsBfloat16()) reporter.log.info(`left out, since this processor has no bfloat16: ${row.name}`);
    else {
      try {
        const lines = await runRow(row, { folder, threads: engine.threads, isOnGpu: engine.isUsingGpu, pairs: flags.pairs, turnMilliseconds: flags.turn, python: python?.command ?? null, peers: PEERS, signal });
        rows.push(...lines);
        for (const line of benchTable(lines).slice(1)) reporter.log.info(line);
      } catch (error) {
        if (signal.aborted) break;
        failures.push({ name: row.name, problem: messageOf(error) });
        reporter.log.warn(`${row.name}: ${messageOf(error)}`);
      }
    }
    progress.update(index + 1);
  }
  progress.end();
  return { rows, failures };
}
