// The answer of a MUSHRA trial: a score for each sound, on the continuous quality scale. Runs in the browser.
import { element, keyHint } from './element.js';
import type { AnswerPart } from './trial-view.js';

/** Five equal parts of the scale. Source: ITU-R BS.1534-3, 5.4. */
const WORDS = ['Bad', 'Poor', 'Fair', 'Good', 'Excellent'];

export interface RatingsOptions {
  readonly count: number;
  /** Scores given before the page was closed; null or absent where there is none. */
  readonly draft: readonly (number | null)[];
  readonly onDraft: (draft: readonly (number | null)[]) => void;
  readonly hear: (index: number) => void;
}

/** Sliders, of which only that of the sound being heard can be moved. Sound 0 is the reference, which has none. */
export function createRatings({ count, draft, onDraft, hear }: RatingsOptions): AnswerPart {
  const scores = Array.from({ length: count }, (_, index) => draft[index] ?? null);
  const keys = Array.from({ length: count }, (_, index) => (index < 9 ? String(index + 1) : '')); // a tenth sound is reached by the arrows
  const ownButtons = new Map<number, HTMLElement>();
  const sliders: HTMLInputElement[] = [];
  const rows = scores.map((score, index) => {
    const name = `Sound ${index + 1}`;
    const value = element('span', { class: 'score', 'aria-hidden': 'true' }); // the slider says it itself
    const slider = element('input', { type: 'range', id: `score-${index}`, min: '0', max: '100', step: '1', value: String(score ?? 50), disabled: true, 'aria-label': `Quality of sound ${index + 1}` });
    const show = (): void => {
      const given = scores[index];
      value.textContent = given === null ? '–' : String(given);
      slider.setAttribute('aria-valuetext', given === null ? 'not rated yet' : `${given}, ${wordOf(given)}`);
      slider.toggleAttribute('data-unrated', given === null);
    };
    slider.addEventListener('input', () => {
      scores[index] = Number(slider.value);
      show();
      onDraft(scores);
    });
    sliders.push(slider);
    show();
    const button = element('button', { type: 'button', class: 'sound', ...(keys[index] === '' ? {} : { 'aria-keyshortcuts': keys[index] }) }, name, ...(keys[index] === '' ? [] : [keyHint(keys[index])]));
    ownButtons.set(index + 1, button);
    return element('div', { class: 'rating' }, button, slider, value);
  });
  let current = 0;
  return {
    node: element('div', { class: 'ratings', role: 'group', 'aria-label': 'Ratings' },
      element('p', { class: 'hint' }, 'Hear a sound, then move its slider: ', keyHint('←'), keyHint('→'), ' by 1, ', keyHint('PgDn'), keyHint('PgUp'), ' by 10. ', keyHint('↑'), keyHint('↓'), ' go to the sound above or below.'),
      element('div', { class: 'scale', 'aria-hidden': 'true' }, ...WORDS.map((word) => element('span', {}, word))), ...rows),
    sounds: [{ label: 'Reference', key: 'R' }, ...rows.map((_, index) => ({ label: `Sound ${index + 1}`, key: keys[index] }))],
    ownButtons,
    onHear(index) {
      current = index;
      sliders.forEach((slider, own) => (slider.disabled = own !== index - 1));
      if (index > 0) sliders[index - 1].focus();
    },
    onKey({ key }) {
      const step = { ArrowUp: -1, ArrowDown: 1 }[key];
      if (step !== undefined) hear(Math.min(Math.max(current + step, 0), count));
      else if (key === '0') hear(0);
      return step !== undefined || key === '0';
    },
    missing() {
      const left = scores.flatMap((score, index) => (score === null ? [index + 1] : []));
      return left.length === 0 ? null : `Rate ${left.length === 1 ? 'sound' : 'sounds'} ${left.join(', ')} first.`;
    },
    answer: () => ({ scores: scores.map((score) => score ?? 0) }),
  };
}

function wordOf(score: number): string {
  return WORDS[Math.min(WORDS.length - 1, Math.floor(score / 20))].toLowerCase();
}
