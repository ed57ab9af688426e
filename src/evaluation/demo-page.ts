// Writes the page on which real clips, their round trips and generated clips are heard and seen side by side. Static HTML, no script, no network.

/** One sound on the page: paths are relative to the page. */
export interface PageClip {
  readonly title: string;
  readonly audio: string;
  readonly picture: string;
  /** Short figures under the player, for example `level −14.2 dBFS`. */
  readonly note?: string;
}

/** One row of clips, for example all generated clips of one label. */
export interface PageRow {
  readonly title: string;
  readonly clips: readonly PageClip[];
}

export interface PageSection {
  readonly title: string;
  readonly rows: readonly PageRow[];
}

export interface PageFigure {
  readonly name: string;
  readonly value: string;
  /** What the number means and what a good one is: a sentence. */
  readonly meaning: string;
}

export interface PageContent {
  readonly title: string;
  readonly introduction: string;
  readonly figures: readonly PageFigure[];
  readonly sections: readonly PageSection[];
  /** Plain text below everything, for example the configuration. */
  readonly details?: string;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d1b20; --paper: #fbfaf7; --soft: #6b6572; --line: #ddd8e0; --card: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece7ef; --paper: #17151a; --soft: #a79fb0; --line: #38333d; --card: #211e25; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
h3 { font-size: .95rem; font-weight: 600; margin: 1rem 0 .4rem; color: var(--soft); }
nav a { display: inline-block; margin: 0 .9rem .3rem 0; color: inherit; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 1.2rem 0; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
td.value { font-variant-numeric: tabular-nums; white-space: nowrap; font-weight: 600; }
td.meaning { color: var(--soft); }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: .8rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); min-width: 0; }
figure img { display: block; width: 100%; height: 6.5rem; object-fit: fill; border-radius: .25rem; image-rendering: pixelated; background: #000; }
figure audio { display: block; width: 100%; height: 2.2rem; margin-top: .45rem; }
figcaption { font-size: .8rem; margin-top: .35rem; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--soft); }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); font-size: .8rem; }
@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { display: grid; grid-template-columns: 1fr auto; column-gap: 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  th, td { padding: 0; border: 0; }
  td.meaning { grid-column: 1 / -1; font-size: .9rem; }
}
`;

/** Renders the page. All text is escaped; paths are percent-encoded segment by segment. */
export function renderDemoPage(content: PageContent): string {
  const sections = content.sections.map((section, index) => renderSection(section, index)).join('\n');
  const links = content.sections.map((section, index) => `<a href="#section-${index}">${escapeHtml(section.title)}</a>`).join('\n');
  const details = content.details === undefined ? '' : `<h2>Settings</h2>\n<pre>${escapeHtml(content.details)}</pre>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(content.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(content.title)}</h1>
<p>${escapeHtml(content.introduction)}</p>
${content.figures.length === 0 ? '' : renderFigures(content.figures)}
${content.sections.length < 2 ? '' : `<nav aria-label="Sections">${links}</nav>`}
${sections}
${details}
</main>
</body>
</html>
`;
}

function renderFigures(figures: readonly PageFigure[]): string {
  return `<table>
<thead><tr><th scope="col">Figure</th><th scope="col">Value</th><th scope="col">What it means</th></tr></thead>
<tbody>
${figures.map(renderFigure).join('\n')}
</tbody>
</table>`;
}

function renderFigure({ name, value, meaning }: PageFigure): string {
  return `<tr><th scope="row">${escapeHtml(name)}</th><td class="value">${escapeHtml(value)}</td><td class="meaning">${escapeHtml(meaning)}</td></tr>`;
}

function renderSection({ title, rows }: PageSection, index: number): string {
  const body = rows.map((row) => `<h3>${escapeHtml(row.title)}</h3>\n<div class="clips">\n${row.clips.map(renderClip).join('\n')}\n</div>`).join('\n');
  return `<section aria-labelledby="section-${index}">\n<h2 id="section-${index}">${escapeHtml(title)}</h2>\n${body}\n</section>`;
}

function renderClip({ title, audio, picture, note }: PageClip): string {
  const label = escapeHtml(title);
  const figures = note === undefined ? '' : `<span>${escapeHtml(note)}</span>`;
  return `<figure><img src="${encodePath(picture)}" alt="Mel spectrogram of ${label}" loading="lazy">
<audio controls preload="none" src="${encodePath(audio)}" aria-label="${label}"></audio>
<figcaption>${label}${figures}</figcaption></figure>`;
}

function encodePath(path: string): string {
  return escapeHtml(path.split('/').map(encodeURIComponent).join('/'));
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
