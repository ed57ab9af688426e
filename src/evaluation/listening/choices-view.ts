// The answer of ABX and preference trials: one of a few. Runs in the browser.
import { element, keyHint } from './element.js';
import type { AnswerPart } from './trial-view.js';

const CHOICES = {
  abx: [{ value: 'a', label: 'X is A' }, { value: 'b', label: 'X is B' }],
  preference: [{ value: 'a', label: 'A is better' }, { value: 'b', label: 'B is better' }, { value: 'none', label: 'No preference' }],
} as const;

/** Radio buttons with the keys 1, 2 and 3; the sounds have the keys A, B and X. */
export function createChoices(kind: keyof typeof CHOICES): AnswerPart {
  const inputs = CHOICES[kind].map(({ value }, index) => element('input', { type: 'radio', name: 'choice', value, 'aria-keyshortcuts': String(index + 1) }));
  const labels = CHOICES[kind].map(({ label }, index) => element('label', {}, inputs[index], label, keyHint(String(index + 1))));
  const chosen = (): HTMLInputElement | undefined => inputs.find(({ checked }) => checked);
  return {
    node: element('fieldset', { class: 'choices' }, element('legend', {}, 'Your answer'), ...labels),
    sounds: (kind === 'abx' ? ['A', 'B', 'X'] : ['A', 'B']).map((label) => ({ label, key: label })),
    ownButtons: new Map(),
    onHear: () => undefined,
    onKey({ key, target }) {
      const focused = inputs.find((input) => key === ' ' && input === target && !input.checked);
      const input = focused ?? inputs[Number(key) - 1];
      if (input === undefined) return false;
      input.checked = true;
      input.focus();
      return true;
    },
    missing: () => (chosen() === undefined ? 'Choose an answer first.' : null),
    answer: () => ({ choice: chosen()?.value as 'a' | 'b' | 'none' }),
  };
}
