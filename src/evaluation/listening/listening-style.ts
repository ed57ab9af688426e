// Rules that the listening page has beside the common ones.

export const LISTENING_STYLE = `
.trial { max-width: 46rem; }
button, .button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; padding: .5rem .9rem; min-height: 2.75rem; cursor: pointer; text-decoration: none; display: inline-block; }
button:hover, .button:hover { border-color: var(--accent); }
button[aria-pressed=true], .next, .go { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.next { margin-top: 1rem; }
kbd { font: .8em ui-monospace, monospace; border: 1px solid currentColor; border-radius: .25rem; padding: .05rem .35rem; margin-left: .45rem; }
.transport { display: flex; gap: .8rem; align-items: center; margin: 1rem 0 .8rem; }
.play { min-width: 9rem; }
.place { position: relative; flex: 1; height: .5rem; border-radius: .25rem; background: var(--line); }
.place i { position: absolute; top: -.2rem; width: .3rem; height: .9rem; margin-left: -.15rem; border-radius: .15rem; background: var(--accent); }
.sounds { display: flex; flex-wrap: wrap; gap: .6rem; }
.sounds .sound { flex: 1 1 6rem; min-height: 3.5rem; font-weight: 600; }
fieldset { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0 0; padding: .6rem 1rem .8rem; }
legend { padding: 0 .4rem; color: var(--soft); }
.choices label { display: flex; align-items: center; gap: .6rem; min-height: 2.75rem; cursor: pointer; }
.choices input { width: 1.2rem; height: 1.2rem; accent-color: var(--accent); }
.status { min-height: 1.5rem; color: var(--bad); font-weight: 600; }
.hint { font-size: .9rem; color: var(--soft); }
.hint kbd { margin: 0 .1rem; }
.scale, .rating { display: grid; grid-template-columns: 8.5rem 1fr 2.6rem; gap: .8rem; align-items: center; }
.scale { display: flex; margin: 0 3.4rem 0 9.3rem; gap: 0; color: var(--soft); font-size: .85rem; }
.scale span { flex: 1; text-align: center; border-left: 1px solid var(--edge); }
.scale span:last-child { border-right: 1px solid var(--edge); }
.rating { padding: .25rem 0; }
.rating input { width: 100%; margin: 0; height: 2.4rem; outline-offset: -1px; accent-color: var(--accent); }
.rating input:disabled { opacity: .55; }
.rating .score { font-variant-numeric: tabular-nums; text-align: right; font-weight: 600; }
.sitting { display: grid; gap: .9rem; max-width: 26rem; margin-top: 1.5rem; }
.sitting label { display: grid; gap: .25rem; }
.sitting input { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: .4rem; padding: .5rem .6rem; min-height: 2.75rem; width: 100%; }
.keys { list-style: none; padding: 0; }
.keys kbd { margin: 0 .3rem 0 0; }
.resume { border: 1px solid var(--edge); border-radius: .5rem; padding: .2rem 1rem 1rem; max-width: 46rem; }
.downloads { display: flex; gap: .8rem; flex-wrap: wrap; }
body[data-unkept] main::before { content: 'This browser keeps no answers: leave this page open until you have saved them.'; display: block; color: var(--bad); font-weight: 600; margin-bottom: 1rem; }
@media (max-width: 40rem) {
  .rating { grid-template-columns: 1fr 2.6rem; row-gap: 0; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .rating .sound { grid-column: 1 / -1; justify-self: start; }
  .scale { margin: 0 3.4rem 0 0; font-size: .75rem; position: sticky; top: 0; background: var(--paper); }
}
@media (pointer: coarse) { kbd { display: none; } }
`;
