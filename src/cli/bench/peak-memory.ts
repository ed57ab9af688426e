// The largest resident memory of another process, as Linux keeps it.
import { readFileSync } from 'node:fs';

/** Unit: MB of 10^6 bytes. null when the process is gone, or the system keeps no such figure. */
export function peakMegabytesOf(pid: number): number | null {
  try {
    return parsePeak(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return null;
  }
}

/** From the text of /proc/<pid>/status. */
export function parsePeak(status: string): number | null {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : (Number(kilobytes) * 1024) / 1e6;
}
