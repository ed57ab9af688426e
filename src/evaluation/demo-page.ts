// Writes the page on which real clips, their round trips and generated clips are heard and seen side by side.
import { escapeHtml, renderFigures, renderLinks, renderPage, renderSection, renderText, type PageFigure } from './page.js';
import { PLAYER_SCRIPT, renderPlayers, type PageClip } from './page-player.js';

export type { PageClip, PageFigure };

/** One row of clips, for example all generated clips of one label. */
export interface PageRow {
  readonly title: string;
  readonly clips: readonly PageClip[];
}

export interface PageSection {
  readonly title: string;
  readonly rows: readonly PageRow[];
}

export interface PageContent {
  readonly title: string;
  readonly introduction: string;
  readonly figures: readonly PageFigure[];
  /** HTML between the figures and the sections, made by the functions of the page modules. */
  readonly extra?: string;
  /** Rules that `extra` needs. */
  readonly style?: string;
  readonly sections: readonly PageSection[];
  /** Plain text below everything, for example the configuration. */
  readonly details?: string;
}

/** Renders the page. All text is escaped; paths are percent-encoded segment by segment. */
export function renderDemoPage({ title, introduction, figures, extra = '', style, sections, details }: PageContent): string {
  const named = sections.map((section, index) => ({ ...section, id: `section-${index}` }));
  const body = [
    renderFigures(figures),
    extra,
    renderLinks(named),
    ...named.map(({ id, title: name, rows }) => renderSection({ id, title: name, body: rows.map(renderRow).join('\n') })),
    details === undefined ? '' : renderSection({ id: 'settings', title: 'Settings', body: renderText(details) }),
  ];
  return renderPage({ title, introduction, body: body.join('\n'), script: PLAYER_SCRIPT, style });
}

function renderRow({ title, clips }: PageRow): string {
  return `<h3>${escapeHtml(title)}</h3>\n${renderPlayers(clips)}`;
}
