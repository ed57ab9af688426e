// A real browser for pages, where the machine has one. Nothing is downloaded.
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** Path of a Chromium: that in MELSTROM_CHROMIUM, or one where systems put it. null when there is none. */
export function findChromium(): string | null {
  const named = process.env.MELSTROM_CHROMIUM;
  return named === undefined || named === '' ? (PLACES.find((path) => existsSync(path)) ?? null) : named;
}

/** Why tests in a browser are skipped; part of their names. */
export const NO_BROWSER = 'skipped: no Chromium found (install one, or set MELSTROM_CHROMIUM)';

/** Starts a browser without a window. The caller closes it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium() ?? '', args: ['--no-sandbox', '--disable-gpu'] });
}
