// One trial on the screen: its sounds, its answer, and its keys. Runs in the browser.
import { element, keyHint } from './element.js';
import type { Answer, Trial } from './listening-test.js';
import { createRatings } from './ratings-view.js';
import { createChoices } from './choices-view.js';
import type { Switcher } from './switcher.js';

/** The part of a trial that takes the answer. */
export interface AnswerPart {
  readonly node: HTMLElement;
  /** Label and key of each button's sound, in order. */
  readonly sounds: readonly { readonly label: string; readonly key: string }[];
  /** Buttons of the sounds that this part shows itself; the others stand above it. */
  readonly ownButtons: ReadonlyMap<number, HTMLElement>;
  /** Called when another sound is heard. */
  onHear(index: number): void;
  /** True when the key was for this part. */
  onKey(event: KeyboardEvent): boolean;
  /** What is still missing, as a sentence; null when complete. */
  missing(): string | null;
  answer(): Pick<Answer, 'choice' | 'scores'>;
}

export interface TrialViewOptions {
  readonly root: HTMLElement;
  readonly trial: Trial;
  /** For example `Trial 3 of 12`. */
  readonly heading: string;
  readonly switcher: Switcher;
  readonly draft: readonly (number | null)[];
  readonly onDraft: (draft: readonly (number | null)[]) => void;
}

const TASKS = {
  abx: 'X is either A or B. Which one is it?',
  preference: 'Which of the two do you prefer?',
  mushra: 'Rate how good each sound is, compared with the reference. One of them is the reference itself: it deserves 100.',
} as const;

/** Shows a trial and waits for its answer. */
export function askTrial({ root, trial, heading, switcher, draft, onDraft }: TrialViewOptions): Promise<Answer> {
  const began = performance.now();
  const hear = (index: number): void => {
    if (!switcher.isPlaying || index !== switcher.selected) heard[index] += 1;
    switcher.hear(index);
    part.onHear(index);
    show();
  };
  const part: AnswerPart = trial.kind === 'mushra' ? createRatings({ count: trial.order.length, draft, onDraft, hear }) : createChoices(trial.kind);
  const heard = part.sounds.map(() => 0);
  const toggle = (): void => {
    if (switcher.isPlaying) switcher.pause();
    else hear(switcher.selected);
    show();
  };
  const buttons = part.sounds.map(({ label, key }, index) => {
    const press = (): void => (switcher.isPlaying && switcher.selected === index ? toggle() : hear(index));
    const button = part.ownButtons.get(index) ?? element('button', { type: 'button', class: 'sound', 'aria-keyshortcuts': key }, label, keyHint(key));
    button.addEventListener('click', press);
    return button;
  });
  const play = element('button', { type: 'button', class: 'play', 'aria-keyshortcuts': 'Space', onclick: toggle });
  const place = element('i', { 'aria-hidden': 'true' });
  const status = element('p', { role: 'status', class: 'status' });
  const title = element('h2', { tabindex: '-1', id: 'trial' }, heading);
  const next = element('button', { type: 'button', class: 'next', 'aria-keyshortcuts': 'Enter' }, 'Next', keyHint('Enter'));
  const show = (): void => {
    play.replaceChildren(switcher.isPlaying ? 'Pause' : 'Play', keyHint('Space'));
    buttons.forEach((button, index) => button.setAttribute('aria-pressed', String(switcher.isPlaying && switcher.selected === index)));
  };
  root.replaceChildren(element('section', { 'aria-labelledby': 'trial', class: 'trial' },
    title,
    element('p', {}, TASKS[trial.kind]),
    element('div', { class: 'transport' }, play, element('div', { class: 'place' }, place)),
    element('div', { class: 'sounds', role: 'group', 'aria-label': 'Sounds' }, ...buttons.filter((_, index) => !part.ownButtons.has(index))),
    part.node, next, status));
  show();
  title.focus();

  return new Promise((resolve) => {
    const finish = (): void => {
      const unheard = part.sounds.filter((_, index) => heard[index] === 0).map(({ label }) => label);
      const missing = unheard.length > 0 ? `Listen to ${unheard.join(', ')} first.` : part.missing();
      status.textContent = missing ?? '';
      if (missing !== null) return;
      document.removeEventListener('keydown', onKey);
      cancelAnimationFrame(frame);
      switcher.pause();
      resolve({ ...part.answer(), seconds: Math.round((performance.now() - began) / 100) / 10, heard });
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat && (event.key === 'Enter' || event.key === ' ')) return;
      const isOnButton = event.target instanceof HTMLButtonElement;
      const sound = part.sounds.findIndex(({ key }) => key.toLowerCase() === event.key.toLowerCase());
      if (part.onKey(event)) event.preventDefault();
      else if (event.key === 'Enter' && !isOnButton) finish();
      else if (event.key === ' ' && !isOnButton) toggle();
      else if (sound >= 0) hear(sound);
      else return;
      event.preventDefault();
    };
    let frame = 0;
    const move = (): void => {
      place.style.left = `${100 * switcher.position()}%`;
      frame = requestAnimationFrame(move);
    };
    next.addEventListener('click', finish);
    document.addEventListener('keydown', onKey);
    move();
  });
}
