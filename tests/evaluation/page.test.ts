import { describe, expect, it } from 'vitest';
import { decimals, renderPage, renderTable, renderText } from '../../src/evaluation/page.js';
import { PLAYER_SCRIPT, renderPlayer } from '../../src/evaluation/page-player.js';
import { renderIntervalPlot, renderLinePlot } from '../../src/evaluation/page-plot.js';
import { PAGE_COLOURS, PAGE_STYLE } from '../../src/evaluation/page-style.js';
import { contrast } from './contrast.js';

describe('colours', () => {
  it('are as far apart as WCAG 2 wants of black on white and of equal ones', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
    expect(contrast('#777777', '#777777')).toBe(1);
    expect(contrast('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
  });

  it.each(['light', 'dark'] as const)('of the %s scheme can be read: 4.5 for text, 3 for lines and controls', (scheme) => {
    const colours = PAGE_COLOURS[scheme];
    for (const under of [colours.paper, colours.card]) {
      for (const text of ['ink', 'soft', 'link', 'good', 'bad'] as const) expect(contrast(colours[text], under), `${text} on ${under}`).toBeGreaterThanOrEqual(4.5);
      for (const drawn of ['edge', 'accent', 'series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6'] as const) expect(contrast(colours[drawn], under), `${drawn} on ${under}`).toBeGreaterThanOrEqual(3);
    }
    expect(contrast(colours['on-accent'], colours.accent)).toBeGreaterThanOrEqual(4.5);
  });

  it('are taken from variables that exist', () => {
    const plot = renderLinePlot({ title: 't', xLabel: 'x', yLabel: 'y', series: Array.from({ length: 8 }, (_, index) => ({ name: `${index}`, points: [[0, 1], [1, 2]] as const })) });
    for (const [, name] of `${PAGE_STYLE}${plot}`.matchAll(/var\(--([\w-]+)\)/g)) expect(Object.keys(PAGE_COLOURS.dark)).toContain(name);
  });
});

describe('the frame', () => {
  it('escapes words, keeps its script in one piece and refuses the network', () => {
    const page = renderPage({ title: '<b>&', introduction: '"q"', body: '<p>body</p>', script: 'x("</script>")', style: '.own { color: var(--ink); }' });
    expect(page).toContain('<h1>&lt;b&gt;&amp;</h1>');
    expect(page).toContain('<p>&quot;q&quot;</p>');
    expect(page.match(/<\/script>/g)).toHaveLength(1);
    expect(page).toContain('.own');
    expect(page).toContain("default-src 'none'");
    expect(page.replaceAll(/xmlns="[^"]*"/g, '')).not.toMatch(/https?:/);
  });

  it('has no script where none is needed', () => expect(renderPage({ title: 't', body: '' })).not.toContain('<script'));

  it('sets numbers apart from words in tables', () => {
    const table = renderTable({ caption: 'c<', columns: ['name', 'value', 'word'], rows: [['a&b', '−1.5', 'x']] });
    expect(table).toContain('<th scope="row">a&amp;b</th><td class="number">−1.5</td><td>x</td>');
    expect(table).toContain('<caption>c&lt;</caption>');
  });

  it('writes numbers with a true minus, and none before what rounds to zero', () => {
    expect([-0.04, -0, 0, 0.04, -0.06, -12.34].map((value) => decimals(value, 1))).toEqual(['0.0', '0.0', '0.0', '0.0', '−0.1', '−12.3']);
    expect([decimals(-0.4, 0), decimals(-0.004, 2), decimals(-0.006, 2)]).toEqual(['0', '0.00', '−0.01']);
  });

  it('folds text away under a name', () => {
    expect(renderText('<a>', 'Settings')).toMatch(/<summary>Settings<\/summary>\n<pre [^>]*>&lt;a&gt;<\/pre>/);
    expect(renderText('a')).not.toContain('<details');
  });
});

describe('players', () => {
  it('take sounds beside the page or inside it', () => {
    expect(renderPlayer({ title: 'a', audio: 'clips/a b.wav', picture: 'data:image/png;base64,AA+/=' })).toMatch(/src="data:image\/png;base64,AA\+\/=".*src="clips\/a%20b\.wav"/s);
  });

  it('have a script that uses nothing from outside itself', () => {
    const run = new Function('document', PLAYER_SCRIPT) as (document: unknown) => void;
    expect(() => run({ querySelectorAll: () => [] })).not.toThrow();
  });
});

describe('plots', () => {
  it('draw points where they belong, and leave a gap for what is not finite', () => {
    const plot = renderLinePlot({ title: 't', xLabel: 'step', yLabel: 'loss', series: [{ name: 'a', points: [[0, 0], [1, 1], [2, Number.NaN], [3, 0], [4, 1]] }] });
    expect(plot).toContain('d="M60.0 260.0L181.5 10.0M424.5 260.0L546.0 10.0"');
  });

  it('have decades on a logarithmic axis, without what has no logarithm', () => {
    const plot = renderLinePlot({ title: 't', xLabel: 'x', yLabel: 'y', isLog: true, series: [{ name: 'a', points: [[0, 0.01], [1, 0], [2, 1]] }] });
    for (const tick of ['0.01', '0.05', '0.1', '1']) expect(plot).toContain(`>${tick}</text>`);
    expect(plot).not.toContain('NaN');
  });

  it('have round numbers on a logarithmic axis too narrow for powers of ten, and a dot for a point alone', () => {
    const plot = renderLinePlot({ title: 't', xLabel: 'x', yLabel: 'y', isLog: true, series: [{ name: 'a', points: [[0, 3.2], [1, 4.4]] }, { name: 'b', points: [[0.5, 4]] }] });
    for (const tick of ['3.5', '4']) expect(plot).toContain(`>${tick}</text>`);
    expect(plot).toMatch(/d="M303\.0 [\d.]+h0"[^>]*stroke-width="6"/);
  });

  it('show intervals, chance and what lies behind', () => {
    const plot = renderIntervalPlot({ title: 't', xLabel: 'score', range: [0, 100], mark: 50, rows: [{ name: 'a<', value: 50, low: 40, high: 60, dots: [45, 55] }, { name: 'b', value: 10, low: Number.NaN, high: Number.NaN }] });
    expect(plot).toContain('M320.4 25H395.6');
    expect(plot.match(/<circle/g)).toHaveLength(2 * 4); // a broad and a narrow drawing
    expect(plot).toContain('a&lt;');
    expect(plot).not.toContain('NaN');
  });

  it('are left out when there is nothing to draw', () => {
    expect(renderLinePlot({ title: 't', xLabel: 'x', yLabel: 'y', series: [] })).toBe('');
    expect(renderIntervalPlot({ title: 't', xLabel: 'x', rows: [] })).toBe('');
  });
});
