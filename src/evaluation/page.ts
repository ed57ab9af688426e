// The frame of every page that Melstrom writes: one look, light and dark, complete in itself. Knows nothing of what a page is about.
import { PAGE_STYLE } from './page-style.js';

export interface PageOptions {
  readonly title: string;
  /** Plain text below the title. */
  readonly introduction?: string;
  /** HTML, put in as it is: made by the functions of the page modules, or escaped with `escapeHtml`. */
  readonly body: string;
  /** JavaScript run when the page has loaded. */
  readonly script?: string;
  /** Rules that this kind of page needs beside the common ones. */
  readonly style?: string;
}

export interface PageFigure {
  readonly name: string;
  readonly value: string;
  /** What the number means and what a good one is: a sentence. */
  readonly meaning: string;
}

export interface PageTable {
  /** Said to a screen reader and shown above the table. */
  readonly caption?: string;
  readonly columns: readonly string[];
  /** Plain text; the first cell of a row is its name. Cells that hold a number stand to the right. */
  readonly rows: readonly (readonly string[])[];
}

/** What a page may load: what lies in it or beside it. The browser refuses everything else. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' file: data:; media-src 'self' file: data: blob:";

/** Renders a whole page. Title and introduction are escaped. */
export function renderPage({ title, introduction, body, script, style = '' }: PageOptions): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${introduction === undefined ? '' : `<p>${escapeHtml(introduction)}</p>`}
${body}
</main>${script === undefined ? '' : `\n<script type="module">\n${script.replaceAll('</script', String.raw`<\/script`)}\n</script>`}
</body>
</html>
`;
}

/** A heading with what stands under it; `id` is what a link on the page leads to. HTML in, HTML out. */
export function renderSection({ id, title, body }: { readonly id: string; readonly title: string; readonly body: string }): string {
  return `<section aria-labelledby="${escapeHtml(id)}">\n<h2 id="${escapeHtml(id)}">${escapeHtml(title)}</h2>\n${body}\n</section>`;
}

/** Links to sections; nothing when there are fewer than two. */
export function renderLinks(sections: readonly { readonly id: string; readonly title: string }[]): string {
  if (sections.length < 2) return '';
  return `<nav aria-label="Sections">${sections.map(({ id, title }) => `<a href="#${escapeHtml(id)}">${escapeHtml(title)}</a>`).join('\n')}</nav>`;
}

/** A table of figures, each with what it means. Nothing when there are none. */
export function renderFigures(figures: readonly PageFigure[]): string {
  if (figures.length === 0) return '';
  const row = ({ name, value, meaning }: PageFigure): string =>
    `<tr><th scope="row">${escapeHtml(name)}</th><td class="value">${escapeHtml(value)}</td><td class="meaning">${escapeHtml(meaning)}</td></tr>`;
  return `<table class="figures">
<thead><tr><th scope="col">Figure</th><th scope="col">Value</th><th scope="col">What it means</th></tr></thead>
<tbody>
${figures.map(row).join('\n')}
</tbody>
</table>`;
}

/** A table of numbers that scrolls sideways in a narrow window. */
export function renderTable({ caption, columns, rows }: PageTable): string {
  const cell = (text: string, index: number): string =>
    index === 0 ? `<th scope="row">${escapeHtml(text)}</th>` : `<td${/^[<>≤≥≈]? ?[−+-]?[\d.]/.test(text) ? ' class="number"' : ''}>${escapeHtml(text)}</td>`;
  const name = caption === undefined ? 'Table' : escapeHtml(caption);
  return `<div class="wide" role="region" aria-label="${name}" tabindex="0"><table>
${caption === undefined ? '' : `<caption>${name}</caption>\n`}<thead><tr>${columns.map((column) => `<th scope="col">${escapeHtml(column)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody>
</table></div>`;
}

/** Text as it is written, in a fixed width, folded away when it is `folded` under a name. */
export function renderText(text: string, folded?: string): string {
  const pre = `<pre tabindex="0" aria-label="${escapeHtml(folded ?? 'Text')}">${escapeHtml(text)}</pre>`;
  return folded === undefined ? pre : `<details><summary>${escapeHtml(folded)}</summary>\n${pre}\n</details>`;
}

/** A path relative to the page, percent-encoded segment by segment; a data URI stays as it is. */
export function encodePath(path: string): string {
  return escapeHtml(path.startsWith('data:') ? path : path.split('/').map(encodeURIComponent).join('/'));
}

/** A number with so many decimals and a true minus; what rounds to zero has none. */
export function decimals(value: number, count: number): string {
  const text = value.toFixed(count);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace('-', '−');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
