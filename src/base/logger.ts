// What a long job may tell the outside. cli decides how it is shown; nothing here prints.

/** Lines of text from a job. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** A job of known length. `update` sets how much is done and may add short figures, for example `{ loss: '0.031' }`. */
export interface Progress {
  update(done: number, figures?: Readonly<Record<string, string>>): void;
  end(): void;
}

/** Starts a progress display: a bar on a terminal, plain lines when piped. */
export type StartProgress = (title: string, total: number, unit?: string) => Progress;

/** What every long job receives. */
export interface Reporter {
  readonly log: Logger;
  readonly startProgress: StartProgress;
}

/** A reporter that says nothing, for tests and library use. */
export const silentReporter: Reporter = Object.freeze({
  log: { info: () => undefined, warn: () => undefined },
  startProgress: () => ({ update: () => undefined, end: () => undefined }),
});
