// What `listen --analyse` does: reads results, prints the report, writes its page where one is asked for.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeWhole } from '../audio/write-whole.node.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { analyse } from '../evaluation/listening/analyse.js';
import { describeAnalysis, renderAnalysisPage } from '../evaluation/listening/analysis-page.js';
import type { ListeningResults } from '../evaluation/listening/listening-test.js';
import { parseResults } from '../evaluation/listening/parse-results.js';
import type { CommandContext } from './context.js';
import { requireWritableFile } from './output.js';

export interface AnalyseOptions {
  readonly out?: string;
  readonly force: boolean;
  readonly context: CommandContext;
}

/** @throws MelstromError that names the file that is no result, or belongs to another test */
export async function analyseFiles(paths: readonly string[], { out, force, context }: AnalyseOptions): Promise<void> {
  if (out !== undefined) requireWritableFile('--out', resolve(out), force);
  const results: ListeningResults[] = [];
  for (const path of paths) results.push(parseResults(await read(path), path));
  const analysis = analyse(results);
  if (out !== undefined) await writeWhole(resolve(out), renderAnalysisPage(analysis), { force });
  context.print(analysis, [...describeAnalysis(analysis), ...(out === undefined ? [] : [`page: ${resolve(out)}`])]);
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new MelstromError({ kind: 'usage', where: path, got: `a file that can't be read (${messageOf(cause)})`, expected: 'results saved by a listening page', cause });
  }
}
