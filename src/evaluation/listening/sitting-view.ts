// The first screen: what is to be done, who listens, and whether to go on where one left off. Runs in the browser.
import { element, keyHint } from './element.js';
import type { ListeningTest } from './listening-test.js';
import { planTrials } from './plan-trials.js';
import type { Progress } from './progress.js';

const INSTRUCTIONS = {
  abx: [
    'In each trial A and B differ, and X is one of the two. Switch among them as often as you like, and say which of the two X is. When you hear no difference, guess: a guess counts as an answer.',
    [['A', 'B', 'X'], 'hear the sounds'], [['1', '2'], 'X is A, X is B'],
  ],
  preference: [
    'In each trial there are two sounds. Switch between them as often as you like, and say which of the two you prefer.',
    [['A', 'B'], 'hear the sounds'], [['1', '2', '3'], 'A is better, B is better, no preference'],
  ],
  mushra: [
    'In each trial there is a reference and several sounds made from it. Rate how good each of them is from 0 (bad) to 100 (excellent, no different from the reference). One of them is the reference itself, and some are much worse.',
    [['R'], 'hear the reference'], [['1', '2', '…'], 'hear a sound and rate it'], [['←', '→'], 'score down or up by 1'], [['PgDn', 'PgUp'], 'score down or up by 10'], [['↑', '↓'], 'the sound above or below'],
  ],
} as const satisfies Record<ListeningTest['kind'], readonly [string, ...(readonly [readonly string[], string])[]]>;

export interface SittingOptions {
  readonly root: HTMLElement;
  readonly test: ListeningTest;
  readonly kept: Progress | null;
}

/** Shows the first screen and waits until the test begins, goes on, or is ended by a listener who has had enough. */
export function askSitting({ root, test, kept }: SittingOptions): Promise<{ readonly progress: Progress; readonly isEnding: boolean }> {
  const [text, ...keys] = INSTRUCTIONS[test.kind];
  const common = [[['Space'], 'play and pause'], [['Enter'], 'next']] as const;
  const practice = test.practice === 0 ? '' : ` The first ${test.practice === 1 ? 'trial is' : `${test.practice} trials are`} for practice and ${test.practice === 1 ? 'does' : 'do'} not count.`;
  const count = planTrials(test, '').length - test.practice;
  const name = element('input', { id: 'listener', required: true, autocomplete: 'off', value: kept?.listener ?? '', maxlength: '80' });
  const equipment = element('input', { id: 'equipment', autocomplete: 'off', value: kept?.equipment ?? '', maxlength: '200' });
  return new Promise((resolve) => {
    const begin = (): void => resolve({ isEnding: false, progress: { listener: name.value.trim(), equipment: equipment.value.trim(), started: new Date().toISOString(), answers: [], draft: [] } });
    const form = element('form', { class: 'sitting', onsubmit: (event) => {
      event.preventDefault();
      if (name.value.trim() === '') name.focus();
      else begin();
    } },
      element('label', { for: 'listener' }, 'Your name or a sign for it', name),
      element('label', { for: 'equipment' }, 'Headphones or loudspeakers (if you like)', equipment),
      element('button', { class: kept === null ? 'next' : '' }, kept === null ? 'Begin' : 'Begin anew', ...(kept === null ? [keyHint('Enter')] : [])));
    const resume = kept === null ? [] : [element('div', { class: 'resume' },
      element('p', {}, `${kept.listener} has answered ${kept.answers.length} of ${count + test.practice} trials on this computer.`),
      element('p', { class: 'downloads' },
        element('button', { type: 'button', class: 'go', onclick: () => resolve({ progress: kept, isEnding: false }) }, 'Go on'),
        element('button', { type: 'button', onclick: () => resolve({ progress: kept, isEnding: true }) }, 'End here and save')))];
    root.replaceChildren(element('section', { 'aria-label': 'Introduction' },
      element('p', {}, `${text}${practice} There are ${count} trials. Set a comfortable volume at the beginning and leave it there.`),
      element('p', {}, 'The keyboard is enough:'),
      element('ul', { class: 'keys' }, ...[...keys, ...common].map(([names, what]) => element('li', {}, ...names.map((one) => element('kbd', {}, one)), ` ${what}`))),
      element('p', {}, 'Your answers stay on this computer. They are kept when this page is closed, and at the end you can save them as a file.'),
      ...resume, form));
    (kept === null ? name : root.querySelector<HTMLElement>('.resume button'))?.focus();
  });
}
