// Times repeatable steps on a machine that may be busy for a moment. Knows nothing of what a step is.

/** A step that can be repeated. */
export interface TimedStep {
  run(): Promise<unknown>;
  dispose(): void;
}

/** Unit: seconds of one step. */
export interface StepTimes {
  /** What the machine does when nothing else runs on it. */
  readonly fastest: number;
  readonly median: number;
}

const FEWEST_TIMED = 2; // on the wasm engine a step takes seconds
/** Time that each step gets in all, and at a turn. Unit: ms. */
const TIMED_MS = 3000;
const TURN_MS = 500;

/**
 * Times steps in turns, so that each is timed over the whole time that all of them take and a busy moment hides none of them, after one
 * run of each that is not counted. Shape: [K] -> [K]. Memory: the steps stay the caller's.
 *
 * @param now in milliseconds
 */
export async function timeSteps(steps: readonly TimedStep[], now: () => number = () => performance.now()): Promise<StepTimes[]> {
  const timed = steps.map((step) => ({ step, seconds: [] as number[], milliseconds: 0 }));
  for (const step of steps) await step.run();
  const isDone = ({ seconds, milliseconds }: (typeof timed)[number]): boolean => seconds.length >= FEWEST_TIMED && milliseconds >= TIMED_MS;
  while (!timed.every(isDone)) {
    for (const one of timed.filter((candidate) => !isDone(candidate))) {
      const turnBegan = now();
      do {
        const began = now();
        await one.step.run();
        const took = now() - began;
        one.seconds.push(took / 1000);
        one.milliseconds += took;
      } while (now() - turnBegan < TURN_MS);
    }
  }
  return timed.map(({ seconds }) => {
    const sorted = seconds.toSorted((a, b) => a - b);
    return { fastest: sorted[0], median: sorted[Math.floor(sorted.length / 2)] };
  });
}
