// A Python with pinned libraries to compare with: one that the user names, else a scratch environment in the per-user cache.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache.node.js';
import { complaintOf, runProgram } from './run-program.node.js';
import { requirePython } from './tools.node.js';

const REPORT_VERSIONS = 'import sys, importlib.metadata as m; print(sys.version.split()[0], *[f"{name} {m.version(name)}" for name in sys.argv[1:]], sep=", ")';

export interface ReferencePython {
  readonly command: string;
  /** Of Python and the libraries, in words. */
  readonly versions: string;
  /** Libraries whose version is not the pinned one, which only a Python of the user's own can have. */
  readonly unpinned: readonly string[];
}

/** Lines such as `torch==2.15.0`, by name. */
export function parsePins(text: string): Map<string, string> {
  return new Map(text.split(/\r?\n/).filter((line) => line.includes('==')).map((line) => line.trim().split('==') as [string, string]));
}

export interface PythonOptions {
  /** Told about long steps. */
  readonly say: (line: string) => void;
  /** File of pinned versions. */
  readonly pins: string;
  /** False refuses to make an environment, which takes several GB. Default true. */
  readonly mayMake?: boolean;
}

/**
 * Finds or makes the environment.
 *
 * @throws Error that says what is missing and how to get it
 */
export async function referencePython({ say, pins, mayMake = true }: PythonOptions): Promise<ReferencePython> {
  const chosen = process.env.MELSTROM_PYTHON ?? '';
  const wanted = parsePins(readFileSync(pins, 'utf8'));
  const command = chosen === '' ? await scratchPython({ say, pins, mayMake }) : chosen;
  const result = await runProgram(command, ['-c', REPORT_VERSIONS, ...wanted.keys()]);
  if (result.status !== 0) {
    const origin = chosen === '' ? 'the scratch environment' : `MELSTROM_PYTHON=${chosen}`;
    throw new Error(`${origin}: got a Python that can't be used (${complaintOf(result)}), expected one with ${[...wanted.keys()].join(', ')}. Install them there (pip install -r ${pins}), or leave MELSTROM_PYTHON unset.`);
  }
  const versions = result.stdout.trim();
  const unpinned = [...wanted].filter(([name, version]) => !new RegExp(`\\b${name} ${version.replaceAll('.', '\\.')}([+,]|$)`).test(versions)).map(([name]) => name);
  return { command, versions, unpinned };
}

/** Where the environment of these pins lies. */
export function scratchFolder(pinsText: string, pythonVersion: string): string {
  const key = createHash('sha256').update(`${pythonVersion}\n${pinsText}`).digest('hex').slice(0, 16);
  return join(cacheFolder(), 'python', key);
}

async function scratchPython({ say, pins, mayMake }: Required<PythonOptions>): Promise<string> {
  const base = await requirePython();
  const folder = scratchFolder(readFileSync(pins, 'utf8'), base.version);
  const command = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  const stamp = join(folder, 'complete');
  if (existsSync(stamp)) return command;
  if (!mayMake) throw new Error('there is no Python environment to compare with yet');
  await rm(folder, { recursive: true, force: true }); // what an interrupted attempt left
  await mkdir(folder, { recursive: true });
  say(`making a Python environment in ${folder} (several GB where pip takes PyTorch's CUDA build) …`);
  for (const [program, args] of [[base.command, ['-m', 'venv', folder]], [command, ['-m', 'pip', 'install', '--disable-pip-version-check', '--progress-bar', 'off', '-r', pins]]] as const) {
    const result = await runProgram(program, args, { onLine: (line) => (/^(Collecting|Installing)/.test(line) ? say(`  ${line.slice(0, 100)}`) : undefined) });
    if (result.status === 0) continue;
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${program} ${args.slice(0, 3).join(' ')}: ${complaintOf(result)}. Check network and disk, or name a Python that has the libraries of ${pins} in MELSTROM_PYTHON.`);
  }
  writeFileSync(stamp, '');
  return command;
}
