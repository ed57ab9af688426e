// The listening page from its first screen to its last. Runs in the browser; nothing is sent anywhere.
import { element } from './element.js';
import { showEnd } from './end-view.js';
import type { Answer, ListeningTest, Stimulus, Trial } from './listening-test.js';
import { planTrials } from './plan-trials.js';
import { createProgressStore, type Progress } from './progress.js';
import { toResults } from './results.js';
import { askSitting } from './sitting-view.js';
import { createSwitcher } from './switcher.js';
import { askTrial } from './trial-view.js';
import { loadStimuli } from './unpack-sound.js';

/** Runs the test that the page carries. */
export async function startListening(): Promise<void> {
  const root = document.querySelector<HTMLElement>('#listening')!;
  const test = JSON.parse(document.querySelector('#listening-test')!.textContent) as ListeningTest;
  const store = createProgressStore(test.id, () => localStorage);
  const sitting = await askSitting({ root, test, kept: store.load() });
  let { progress } = sitting;
  const trials = planTrials(test, progress.listener);
  const context = openContext(test.sampleRateHz);
  const keep = (next: Progress): void => {
    progress = next;
    const isKept = store.save(progress);
    document.body.toggleAttribute('data-unkept', !isKept);
  };
  keep(progress);
  while (!sitting.isEnding && progress.answers.length < trials.length) {
    const answer = await ask({ root, test, trials, context, progress, onDraft: (draft) => keep({ ...progress, draft }) });
    keep({ ...progress, answers: [...progress.answers, answer], draft: [] });
  }
  await context.close();
  const { listener, equipment, started, answers } = progress;
  const results = toResults(test, { listener, equipment, started, finished: answers.length < trials.length ? null : new Date().toISOString(), trials, answers });
  showEnd({
    root, results,
    onAgain: () => {
      store.clear();
      location.reload();
    },
  });
}

interface AskOptions {
  readonly root: HTMLElement;
  readonly test: ListeningTest;
  readonly trials: readonly Trial[];
  readonly context: AudioContext;
  readonly progress: Progress;
  readonly onDraft: (draft: readonly (number | null)[]) => void;
}

async function ask({ root, test, trials, context, progress, onDraft }: AskOptions): Promise<Answer> {
  const index = progress.answers.length;
  const trial = trials[index];
  const item = test.items[trial.item];
  root.replaceChildren(element('p', { role: 'status' }, 'Preparing the sounds …'));
  const buffers = await loadStimuli(test, { item, stimuli: stimuliOf(test, trial) });
  await context.resume();
  const counted = trials.filter(({ isPractice }) => !isPractice).length;
  const heading = trial.isPractice ? `Practice ${index + 1} of ${trials.length - counted}` : `Trial ${index + 1 - trials.length + counted} of ${counted}`;
  return askTrial({ root, trial, heading, switcher: createSwitcher(context, buffers), draft: progress.draft, onDraft });
}

/** The sounds of a trial in the order of its buttons. */
export function stimuliOf(test: ListeningTest, trial: Trial): Stimulus[] {
  const { reference, stimuli } = test.items[trial.item];
  const all = reference === null ? stimuli : [reference, ...stimuli];
  const find = (condition: string): Stimulus => all.find((one) => one.condition === condition)!;
  if (trial.kind === 'mushra') return [reference!, ...trial.order.map(find)];
  const sides = [find(trial.a), find(trial.b)];
  return trial.kind === 'abx' ? [...sides, find(trial[trial.x])] : sides;
}

/** At the sounds' own rate, so that the browser resamples only what it has mixed. */
function openContext(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ sampleRate, latencyHint: 'interactive' });
  } catch {
    return new AudioContext(); // a browser that has no such rate resamples each sound
  }
}
