// The last screen: the results to take along, and what they say. Runs in the browser.
import { element } from './element.js';
import type { ListeningResults } from './listening-test.js';
import { summarise, toCsv } from './results.js';

export interface EndOptions {
  readonly root: HTMLElement;
  readonly results: ListeningResults;
  readonly onAgain: () => void;
}

/** Shows the end. */
export function showEnd({ root, results, onAgain }: EndOptions): void {
  const base = `${results.test.title} ${results.listener}`.replaceAll(/[^\p{L}\p{N}]+/gu, '-').replaceAll(/^-|-$/g, '').toLowerCase();
  const link = (format: string, { type, text }: { readonly type: string; readonly text: string }): HTMLElement => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    return element('a', { class: 'button', href: url, download: `${base}.${format.toLowerCase()}` }, `Save as ${format}`);
  };
  const { columns, rows } = summarise(results);
  const table = element('table', {},
    element('thead', {}, element('tr', {}, ...columns.map((column) => element('th', { scope: 'col' }, column)))),
    element('tbody', {}, ...rows.map(([name, ...cells]) => element('tr', {}, element('th', { scope: 'row' }, name), ...cells.map((cell) => element('td', {}, cell))))));
  const title = element('h2', { tabindex: '-1', id: 'end' }, 'That was all. Thank you!');
  root.replaceChildren(element('section', { 'aria-labelledby': 'end' },
    title,
    element('p', {}, 'Save your results now. The JSON file is the one that `melstrom listen --analyse` reads; the CSV file is for spreadsheets.'),
    element('p', { class: 'downloads' },
      link('JSON', { type: 'application/json', text: `${JSON.stringify(results, null, 2)}\n` }),
      link('CSV', { type: 'text/csv', text: toCsv(results) })),
    element('details', {}, element('summary', {}, 'Show what you answered'), table),
    element('p', {}, element('button', { type: 'button', onclick: onAgain }, 'Forget these answers and begin anew'))));
  title.focus();
}
