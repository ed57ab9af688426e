// A recorded profile in words: what took the time, on the engine and beside it.
import { isProduct, productShare, type EngineProfile } from '../engine/profile.js';

const MOST_KINDS = 12;

/** What `--profile` tells: times in ms, shares of the whole from 0 to 1. */
export interface ProfileReport extends EngineProfile {
  /** Operations, uploads and fetches together; the rest is JavaScript and waiting. */
  readonly engineMilliseconds: number;
  /** JavaScript on the main thread, and what it calls outside the engine. */
  readonly hostMilliseconds: number;
  /** The main thread with nothing to do: disk, other threads. */
  readonly idleMilliseconds: number;
  /** Fetching and idling, the time that nobody works in on this side. */
  readonly waitingShare: number;
  readonly productShare: number;
  /** From the start of the process to the first step, of training or of denoising; null when there was none. */
  readonly firstStepMilliseconds: number | null;
}

/** @param measured.idleMilliseconds of the main thread over the same time */
export function reportProfile(profile: EngineProfile, measured: { readonly idleMilliseconds: number; readonly firstStepMilliseconds: number | null }): ProfileReport {
  const { operations, uploadMilliseconds, fetchMilliseconds, wallMilliseconds } = profile;
  const engineMilliseconds = operations.reduce((sum, { milliseconds }) => sum + milliseconds, uploadMilliseconds + fetchMilliseconds);
  const { idleMilliseconds } = measured;
  return {
    ...profile,
    ...measured,
    engineMilliseconds,
    hostMilliseconds: Math.max(0, wallMilliseconds - engineMilliseconds - idleMilliseconds),
    waitingShare: share(fetchMilliseconds + idleMilliseconds, wallMilliseconds),
    productShare: productShare(profile),
  };
}

/** The report as it is printed. */
export function describeProfile(report: ProfileReport): string[] {
  const { operations, wallMilliseconds: wall } = report;
  const line = (name: string, milliseconds: number, calls?: number): string =>
    `  ${percent(milliseconds, wall)}  ${seconds(milliseconds)}  ${calls === undefined ? name : `${name} (${calls.toLocaleString('en')} calls${isProduct(name) ? ', product' : ''})`}`;
  const rest = operations.slice(MOST_KINDS);
  return [
    `profile of ${(wall / 1000).toFixed(1)} s:`,
    line('engine: operations, copies to it, fetches from it', report.engineMilliseconds),
    line('host: JavaScript and what it computes itself', report.hostMilliseconds),
    line('idle: waiting for disk and other threads', report.idleMilliseconds),
    `  ${percent(report.waitingShare * wall, wall)}  of the time is waiting (idle, and fetches from the engine)`,
    `  ${percent(report.productShare * wall, wall)}  of the time is in convolutions and matrix products`,
    'on the engine:',
    ...operations.slice(0, MOST_KINDS).map(({ kind, milliseconds, calls }) => line(kind, milliseconds, calls)),
    ...(rest.length === 0 ? [] : [line(`${rest.length} more kinds`, rest.reduce((sum, { milliseconds }) => sum + milliseconds, 0))]),
    line('copies to the engine', report.uploadMilliseconds),
    line('fetches from the engine', report.fetchMilliseconds),
    ...(report.firstStepMilliseconds === null ? [] : [`first step ${(report.firstStepMilliseconds / 1000).toFixed(1)} s after the start of the process`]),
  ];
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function percent(part: number, whole: number): string {
  return `${(100 * share(part, whole)).toFixed(1).padStart(5)} %`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2).padStart(8)} s`;
}
