// `melstrom bench`: speed and memory on this machine.
import { Option, type Command } from 'commander';
import { loadRunConfig } from '../../config/load.node.js';
import { startEngine, type WantedEngine } from '../../engine/start.node.js';
import { integer } from '../arguments.js';
import { BENCH_CONFIG, createBenchRows } from '../bench-rows.js';
import { createContext } from '../context.js';

interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly residentMegabytes: number;
}

/** Adds the command to the program. */
export function addBench(program: Command): void {
  program
    .command('bench')
    .description('measure training steps, sampling, mel analysis and inversion on this machine; leave the machine alone meanwhile')
    .option('--repeats <n>', 'runs per row, after one that is not counted', integer(1), 5)
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (flags: { repeats: number; engine: WantedEngine }, command: Command) => {
      const { print } = createContext(command);
      const engine = await startEngine(flags.engine);
      const rows: Measured[] = [];
      for (const row of createBenchRows(await loadRunConfig(BENCH_CONFIG))) {
        await row.run();
        const figures: number[] = [];
        for (let repeat = 0; repeat < flags.repeats; repeat += 1) {
          const startedAt = performance.now();
          await row.run();
          figures.push(row.figure(performance.now() - startedAt));
        }
        figures.sort((a, b) => a - b);
        rows.push({
          name: row.name, unit: row.unit, median: figures[figures.length >> 1], lowest: figures[0], highest: figures[figures.length - 1],
          residentMegabytes: process.memoryUsage().rss / 1e6,
        });
        row.dispose?.();
      }
      print({ engine, rows }, [
        `engine ${engine.name} ${engine.version}, ${engine.threads} threads${engine.hasFusedKernels ? ', fused kernels' : ''}; Node ${process.versions.node}`,
        ...rows.map(({ name, unit, median, lowest, highest, residentMegabytes }) =>
          `${name}: ${figure(median)} ${unit} (${figure(lowest)} to ${figure(highest)}), ${residentMegabytes.toFixed(0)} MB resident`),
      ]);
    });
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
