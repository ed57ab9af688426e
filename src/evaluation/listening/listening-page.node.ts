// The page of a listening test: everything in one file, so that it works from a disk, from a server and from a mail.
import { fileURLToPath } from 'node:url';
import { renderPage } from '../page.js';
import { linkScript } from './link-script.node.js';
import { LISTENING_STYLE } from './listening-style.js';
import type { ListeningTest } from './listening-test.js';

/** Where the compiled modules lie, seen from src/ as from dist/. */
const COMPILED = new URL('../../../dist/evaluation/listening/', import.meta.url);

/** Renders the page. @throws MelstromError (internal) in a checkout that is not built */
export function renderListeningPage(test: ListeningTest): string {
  const data = JSON.stringify(test).replaceAll('<', String.raw`\u003c`);
  return renderPage({
    title: test.title,
    style: LISTENING_STYLE,
    body: `<div id="listening"><noscript><p>This test needs JavaScript, which is turned off in this browser.</p></noscript></div>
<script type="application/json" id="listening-test">${data}</script>`,
    script: linkScript(fileURLToPath(new URL('start-listening.js', COMPILED)), (module) => `${module}.startListening();`),
  });
}
