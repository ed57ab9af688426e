// How long jobs show themselves: a bar with rate and time left on a terminal, plain lines when piped, nothing on stdout with --json.
import { SingleBar } from 'cli-progress';
import type { Progress, Reporter } from '../base/logger.js';

const PLAIN_LINE_EVERY_MS = 15_000;

export interface TerminalOptions {
  /** Machine-readable output is wanted: everything else goes to standard error. */
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Creates the reporter that all commands hand to the jobs they call. */
export function createTerminalReporter({ json = false, quiet = false }: TerminalOptions): Reporter {
  const write = (line: string): void => void (json ? process.stderr : process.stdout).write(`${line}\n`);
  return {
    log: {
      info: (message) => (quiet ? undefined : write(message)),
      warn: (message) => void process.stderr.write(`warning: ${message}\n`),
    },
    startProgress: (title, total, unit = '') => {
      if (quiet) return { update: () => undefined, end: () => undefined };
      return process.stderr.isTTY ? startBar(title, total, unit) : startLines({ title, total, unit, write });
    },
  };
}

function startBar(title: string, total: number, unit: string): Progress {
  const bar = new SingleBar({
    format: `${title} {bar} {value}/{total} ${unit} | {rate} | left {eta_formatted}{figures}`,
    hideCursor: true,
    stopOnComplete: false,
    stream: process.stderr,
    barsize: 24,
    etaBuffer: 30,
    fps: 8,
  });
  const startedAt = Date.now();
  bar.start(total, 0, { rate: '', figures: '' });
  return {
    update(done, figures) {
      bar.update(done, { rate: figures?.rate ?? rateOf(done, startedAt, unit), figures: figuresText(figures) });
    },
    end: () => bar.stop(),
  };
}

interface LineOptions {
  readonly title: string;
  readonly total: number;
  readonly unit: string;
  readonly write: (line: string) => void;
}

function startLines({ title, total, unit, write }: LineOptions): Progress {
  const startedAt = Date.now();
  let printedAt = startedAt;
  let last: { done: number; figures?: Readonly<Record<string, string>> } = { done: 0 };
  const print = (): void => {
    const { done, figures } = last;
    const left = figures?.left ?? (done === 0 ? '?' : duration(((Date.now() - startedAt) / done) * (total - done)));
    write(`${title}: ${done}/${total}${unit === '' ? '' : ` ${unit}`} | ${figures?.rate ?? rateOf(done, startedAt, unit)} | left ${left}${figuresText(figures)}`);
    printedAt = Date.now();
  };
  return {
    update(done, figures) {
      last = { done, figures };
      if (Date.now() - printedAt >= PLAIN_LINE_EVERY_MS) print();
    },
    end: print,
  };
}

/** A job's own figures, after a bar; its rate and time left take the place of ours instead. */
function figuresText(figures: Readonly<Record<string, string>> = {}): string {
  const shown = Object.entries(figures).filter(([name]) => name !== 'rate' && name !== 'left');
  return shown.length === 0 ? '' : ` | ${shown.map(([name, value]) => `${name} ${value}`).join(' ')}`;
}

function rateOf(done: number, startedAt: number, unit: string): string {
  const perSecond = done / Math.max(0.001, (Date.now() - startedAt) / 1000);
  return `${perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(2)} ${unit === '' ? 'items' : unit}/s`;
}

/** A duration as people write it: `48 s`, `3 min 20 s`, `1 h 05 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')} min`;
}
