// Stable Diffusion 1.5's UNet and autoencoder at full size, here and in diffusers, in turn: MELSTROM_FULL_SIZE=1 npm run parity. Prints
// ratios of time and memory. Takes 4 GB of disk, 5 GB of memory and some minutes; leave the machine alone meanwhile.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { complaintOf, runProgram } from '../../src/engine/setup/run-program.node.js';
import { transpileForChild } from '../training/_transpile.js';
import { outputError } from './errors.js';
import { parityPython, readTensors, runPython, say } from './exchange.js';

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Side {
  /** Ours alone, in words. */
  readonly engine?: string;
  readonly threads: number;
  readonly loading: Figures;
  readonly runs: readonly Figures[];
  readonly peakBytes: number;
}

const EVALUATIONS = Number(process.env.MELSTROM_FULL_SIZE_RUNS ?? 3);
/** Outputs of a thousand million products in another order: ten times what small networks are off. */
const TOLERANCE = 1e-3;
const PARTS = [['unet', 'UNet, one evaluation at 64 × 64 with 77 tokens'], ['vae', 'autoencoder, one decoding to 512 × 512']] as const;

async function side(command: string, args: readonly string[]): Promise<Side> {
  const result = await runProgram(command, args);
  if (result.status !== 0) throw new Error(`${args.slice(-3).join(' ')}: ${complaintOf(result)}\n${result.stderr.slice(-3000)}`);
  return JSON.parse(result.stdout.trim().split('\n').at(-1)!) as Side;
}

function median(figures: readonly Figures[], key: keyof Figures): number {
  const sorted = figures.map((one) => one[key]).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function rows(name: string, ours: Side, theirs: Side): string[] {
  const row = (what: string, here: number, there: number, unit: string): string => `  ${what.padEnd(38)} ${here.toFixed(2).padStart(8)} ${there.toFixed(2).padStart(8)} ${unit.padEnd(3)} ${(here / there).toFixed(2).padStart(6)}`;
  return [
    `${name.padEnd(40)} ${'here'.padStart(8)} ${'there'.padStart(8)}      ratio`,
    row(`time, median of ${ours.runs.length}`, median(ours.runs, 'seconds'), median(theirs.runs, 'seconds'), 's'),
    row('time of all processors, median', median(ours.runs, 'cpuSeconds'), median(theirs.runs, 'cpuSeconds'), 's'),
    row('peak of resident memory', ours.peakBytes / 1e9, theirs.peakBytes / 1e9, 'GB'),
    `  ${'loading (there mapped, not read)'.padEnd(38)} ${ours.loading.seconds.toFixed(2).padStart(8)} ${theirs.loading.seconds.toFixed(2).padStart(8)} s`,
  ];
}

it('runs Stable Diffusion 1.5 at full size', async () => {
  const { command, versions } = await parityPython();
  const root = mkdtempSync(join(tmpdir(), 'melstrom-full-size-'));
  const code = transpileForChild(['tests/parity/_full-size-child.ts']);
  const threads = availableParallelism();
  const script = fileURLToPath(new URL('full_size.py', import.meta.url));
  try {
    say('making the networks there …');
    await runPython(command, 'full_size.py', 'make', root);
    for (const [part, name] of PARTS) {
      say(`running the ${part} there, then here …`);
      const theirs = await side(command, [script, 'run', root, part, String(threads), String(EVALUATIONS)]);
      const ours = await side(process.execPath, [join(code, 'tests/parity/_full-size-child.js'), root, part, String(EVALUATIONS)]);
      const error = outputError(readTensors(join(root, `${part}-ours.safetensors`)), readTensors(join(root, `${part}-theirs.safetensors`)));
      say(`\nfloat32; here ${ours.engine}, Node ${process.versions.node}; there ${theirs.threads} threads, Python ${versions}`);
      say([...rows(name, ours, theirs), `  largest difference over the largest value: ${error.toExponential(1)}\n`].join('\n'));
      expect(ours.threads, 'threads').toBe(theirs.threads);
      expect(error, part).toBeLessThan(TOLERANCE);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(code, { recursive: true, force: true });
  }
});
