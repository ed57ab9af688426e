import { describe, expect, it } from 'vitest';
import { renderDemoPage } from '../../src/evaluation/demo-page.js';

describe('demo page', () => {
  const page = renderDemoPage({
    title: 'A <b> & "c"', introduction: 'intro', figures: [{ name: 'f', value: '1 %', meaning: 'm' }],
    sections: [{ title: 'kick', rows: [{ title: 'real', clips: [{ title: 'é 🥁', audio: 'clips/é 🥁#1.wav', picture: 'clips/a.png' }] }] }],
  });

  it('escapes text', () => expect(page).toContain('A &lt;b&gt; &amp; &quot;c&quot;'));
  it('encodes paths so that they open from disk', () => expect(page).toContain('src="clips/%C3%A9%20%F0%9F%A5%81%231.wav"'));
  it('asks nothing of the network', () => expect(page).not.toMatch(/https?:/));
  it('leaves out what it has nothing for', () => {
    const bare = renderDemoPage({ title: 't', introduction: 'i', figures: [], sections: [{ title: 'one', rows: [] }] });
    expect(bare).not.toMatch(/<table|<nav|<pre|<section aria-labelledby="settings"/);
    expect(page).toContain('<table');
    expect(renderDemoPage({ title: 't', introduction: 'i', figures: [], sections: [{ title: 'one', rows: [] }, { title: 'two', rows: [] }] })).toContain('href="#section-1"');
  });
  it('gives every player and picture a name', () => {
    expect(page.match(/<img [^>]*alt="[^"]+"/g)).toHaveLength(1);
    expect(page.match(/<audio [^>]*aria-label="[^"]+"/g)).toHaveLength(1);
  });
});
