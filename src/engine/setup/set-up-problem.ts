// Why the native engine can't be had. An ordinary outcome of the set-up, not a fault of the program.

/** A step of the set-up that could not be done: why, and what the user can do about it. */
export class SetUpProblem extends Error {
  /** @param fix What to do, a full sentence. */
  constructor(readonly reason: string, readonly fix: string) {
    super(`${reason}. ${fix}`);
    this.name = 'SetUpProblem';
  }
}
