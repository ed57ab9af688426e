// Answers → results by name, as JSON and as a table. Runs in the browser.
import { RESULTS_FORMAT, type Answer, type ListeningResults, type ListeningTest, type Trial, type TrialResult } from './listening-test.js';
import { binomialTail } from './statistics.js';

export interface Sitting {
  readonly listener: string;
  readonly equipment: string;
  readonly started: string;
  readonly finished: string | null;
}

/** Results of the trials that count and were answered. */
export function toResults(test: Pick<ListeningTest, 'id' | 'title' | 'kind' | 'seed' | 'items'>, sitting: Sitting & { readonly trials: readonly Trial[]; readonly answers: readonly Answer[] }): ListeningResults {
  const { id, title, kind, seed, items } = test;
  const { listener, equipment, started, finished, trials, answers } = sitting;
  const counted = answers.flatMap((answer, index) => (trials[index].isPractice ? [] : [{ trial: trials[index], answer }]));
  return {
    format: RESULTS_FORMAT, version: 1, test: { id, title, kind, seed }, listener, equipment, started, finished,
    trials: counted.map(({ trial, answer }, index) => ({ number: index + 1, item: items[trial.item].name, seconds: answer.seconds, heard: answer.heard, ...named(trial, answer) })),
  };
}

function named(trial: Trial, { choice, scores }: Answer): Partial<TrialResult> {
  if (trial.kind === 'mushra') return { ratings: trial.order.map((condition, index) => ({ condition, score: scores?.[index] ?? Number.NaN })) };
  const { a, b } = trial;
  return trial.kind === 'abx' ? { a, b, x: trial.x, choice, isCorrect: choice === trial.x } : { a, b, choice };
}

/** One line for each trial, or for each rating of a MUSHRA trial. Quoted as RFC 4180 has it. */
export function toCsv({ test, listener, equipment, trials }: ListeningResults): string {
  const lines = trials.flatMap(({ number, item, seconds, a, b, x, choice, isCorrect, ratings }) => {
    const common = [test.title, test.id, listener, equipment, number, item];
    if (ratings !== undefined) return ratings.map(({ condition, score }, position) => [...common, condition, position + 1, score, seconds]);
    const chosen = choice === 'none' ? 'none' : choice === 'a' ? a : b;
    return [test.kind === 'abx' ? [...common, a, b, x === 'a' ? a : b, chosen, isCorrect ? 1 : 0, seconds] : [...common, a, b, chosen, seconds]];
  });
  const columns = { mushra: ['condition', 'position', 'score'], abx: ['a', 'b', 'x', 'answer', 'correct'], preference: ['a', 'b', 'preferred'] }[test.kind];
  return [['test', 'test id', 'listener', 'equipment', 'trial', 'item', ...columns, 'seconds'], ...lines].map((line) => `${line.map(quoted).join(',')}\r\n`).join('');
}

/** A cell that a spreadsheet would take for a formula is led in by an apostrophe. */
function quoted(value: string | number | undefined): string {
  const text = typeof value === 'string' && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What one listener's results say, in lines to be shown at the end. */
export function summarise({ test, trials }: ListeningResults): { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  if (test.kind === 'mushra') {
    const scores = grouped(trials.flatMap(({ ratings = [] }) => ratings.map(({ condition, score }) => [condition, score] as const)));
    const rows = [...scores].map(([condition, own]) => [condition, (own.reduce((sum, score) => sum + score, 0) / own.length).toFixed(1)]);
    return { columns: ['Sound', 'Mean score'], rows: rows.sort((first, second) => Number(second[1]) - Number(first[1])) };
  }
  const pairs = grouped(trials.map((trial) => [pairName(trial), trial] as const));
  if (test.kind === 'abx') {
    return {
      columns: ['Pair', 'Correct', 'Chance of as many by guessing'],
      rows: [...pairs].map(([pair, own]) => {
        const correct = own.filter(({ isCorrect }) => isCorrect).length;
        return [pair, `${correct} of ${own.length}`, binomialTail(correct, own.length).toPrecision(2)];
      }),
    };
  }
  return {
    columns: ['Pair', 'Preferred'],
    rows: [...pairs].map(([pair, own]) => {
      const counts = grouped(own.map(({ a, b, choice }) => [choice === 'none' ? 'no difference' : String(choice === 'a' ? a : b), 1] as const));
      return [pair, [...counts].map(([name, votes]) => `${name} ${votes.length}`).sort().join(', ')];
    }),
  };
}

/** Name of the pair that a trial compares, whichever side each was on; the reference comes first. */
export function pairName({ a = '', b = '' }: Pick<TrialResult, 'a' | 'b'>): string {
  return [a, b].sort((first, second) => Number(second === 'reference') - Number(first === 'reference') || (first < second ? -1 : 1)).join(' / ');
}

/** Values by their key, in order of appearance. */
export function grouped<K, V>(entries: readonly (readonly [K, V])[]): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const [key, value] of entries) groups.set(key, [...(groups.get(key) ?? []), value]);
  return groups;
}
