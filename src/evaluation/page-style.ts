// The one stylesheet of all pages. Colours are variables, each with a light and a dark value; a test computes their contrasts.

/** Colours of the two schemes. `ink`, `soft` and `link` are text; `paper` and `card` lie under it; `accent` is under `on-accent`. */
export const PAGE_COLOURS = {
  light: {
    paper: '#fbfaf7', card: '#ffffff', ink: '#1d1b20', soft: '#645d6b', line: '#ddd8e0', edge: '#857d8c', link: '#7a2e0e', accent: '#a8430f', 'on-accent': '#ffffff', good: '#1e6b3a', bad: '#a3212b',
    'series-1': '#b34a12', 'series-2': '#2c62a8', 'series-3': '#2a7a4b', 'series-4': '#8a3c8f', 'series-5': '#7a6a00', 'series-6': '#52606d',
  },
  dark: {
    paper: '#17151a', card: '#211e25', ink: '#ece7ef', soft: '#aea6b7', line: '#38333d', edge: '#8d8595', link: '#ffb68a', accent: '#ff9a5c', 'on-accent': '#22120a', good: '#7fd39a', bad: '#ff9c9c',
    'series-1': '#ff9a5c', 'series-2': '#7fb2f0', 'series-3': '#7fd39a', 'series-4': '#dd9be2', 'series-5': '#dcc94a', 'series-6': '#aab6c2',
  },
} as const;

function variables(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours).map(([name, value]) => `--${name}: ${value};`).join(' ');
}

export const PAGE_STYLE = `
:root { color-scheme: light dark; ${variables(PAGE_COLOURS.light)} }
@media (prefers-color-scheme: dark) { :root { ${variables(PAGE_COLOURS.dark)} } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
h3 { font-size: .95rem; font-weight: 600; margin: 1rem 0 .4rem; color: var(--soft); }
p { max-width: 46rem; }
a { color: var(--link); }
nav a { display: inline-block; margin: 0 .9rem .3rem 0; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
table { border-collapse: collapse; margin: 1.2rem 0; width: 100%; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
td.value, td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.value { font-weight: 600; }
td.meaning { color: var(--soft); }
.wide { overflow-x: auto; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: .8rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); min-width: 0; }
figure img { display: block; width: 100%; image-rendering: pixelated; background: #000; border-radius: .25rem; }
figure.player img { height: 6.5rem; object-fit: fill; }
.seek { position: relative; cursor: crosshair; touch-action: pan-y; }
.seek i { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px #000; pointer-events: none; }
figure audio { display: block; width: 100%; height: 2.2rem; margin-top: .45rem; }
figcaption { font-size: .8rem; margin-top: .35rem; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--soft); }
figure.plot { container-type: inline-size; }
figure.plot svg { display: block; width: 100%; height: auto; }
figure.plot svg.narrow { display: none; max-width: 24rem; }
@container (max-width: 30rem) {
  figure.plot svg.broad { display: none; }
  figure.plot svg.narrow { display: block; }
}
figure.plot text { fill: var(--soft); font: 12px system-ui, sans-serif; }
figure.plot .grid { stroke: var(--line); }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); font-size: .8rem; }
summary { cursor: pointer; }
@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .figures thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .figures tr { display: grid; grid-template-columns: 1fr auto; column-gap: 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .figures th, .figures td { padding: 0; border: 0; }
  .figures td.meaning { grid-column: 1 / -1; font-size: .9rem; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`;
