// The programs that the set-up needs: Python with pip, and a C++ compiler.
import { runProgram } from './run-program.node.js';
import { SetUpProblem } from './set-up-problem.js';

/** A program found on this machine. */
export interface Tool {
  readonly command: string;
  readonly version: string;
}

/** The C++ compiler: CXX, else g++, c++ or clang++, whichever answers first. */
export async function findCompiler(): Promise<Tool | null> {
  const chosen = process.env.CXX;
  return firstAnswering(chosen === undefined || chosen === '' ? ['g++', 'c++', 'clang++'] : [chosen], ['--version']);
}

/** Python 3, with or without pip. */
export async function findPython(): Promise<Tool | null> {
  return firstAnswering(['python3', 'python'], ['-c', 'import sys; assert sys.version_info >= (3, 8); print("Python %d.%d.%d" % sys.version_info[:3])']);
}

/** The pip of a Python, or null when it has none. */
export async function findPip(python: Tool): Promise<Tool | null> {
  const result = await runProgram(python.command, ['-m', 'pip', '--version']);
  return result.status === 0 ? { command: python.command, version: /pip (\S+)/.exec(result.stdout)?.[1] ?? 'unknown' } : null;
}

/** @throws SetUpProblem when there is no C++ compiler. */
export async function requireCompiler(): Promise<Tool> {
  const compiler = await findCompiler();
  if (compiler === null) {
    throw new SetUpProblem('no C++ compiler was found', 'Install one (Debian and Ubuntu: sudo apt install g++; Fedora: sudo dnf install gcc-c++).');
  }
  return compiler;
}

/** @throws SetUpProblem when there is no Python 3 with pip. */
export async function requirePython(): Promise<Tool> {
  const python = await findPython();
  if (python === null) {
    throw new SetUpProblem('Python 3 was not found', 'Install it with pip (Debian and Ubuntu: sudo apt install python3 python3-pip).');
  }
  if ((await findPip(python)) === null) {
    throw new SetUpProblem(`${python.version} has no pip`, 'Install it (Debian and Ubuntu: sudo apt install python3-pip).');
  }
  return python;
}

async function firstAnswering(commands: readonly string[], args: readonly string[]): Promise<Tool | null> {
  for (const command of commands) {
    const result = await runProgram(command, args);
    if (result.status === 0) return { command, version: result.stdout.split('\n')[0].trim() };
  }
  return null;
}
