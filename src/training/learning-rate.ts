// The learning rate of a step: a pure function of the step, so that a resumed run repeats it.

/** What the schedule is made of; a part of a stage's training configuration. */
export interface LearningRateSettings {
  readonly steps: number;
  readonly warmupSteps: number;
  /** Where the cosine ends, as a share of the highest rate. */
  readonly finalLearningRateShare: number;
}

/**
 * The share of the highest learning rate that applies to a step: linear warm-up, then a cosine down to the final share.
 * Unit: steps count from 0; the first step already has a rate above 0, the last one is the final share.
 */
export function learningRateShare(step: number, { steps, warmupSteps, finalLearningRateShare }: LearningRateSettings): number {
  if (step < warmupSteps) return (step + 1) / (warmupSteps + 1);
  const span = Math.max(1, steps - 1 - warmupSteps);
  const done = Math.min(1, (step - warmupSteps) / span);
  return finalLearningRateShare + (1 - finalLearningRateShare) * 0.5 * (1 + Math.cos(Math.PI * done));
}
