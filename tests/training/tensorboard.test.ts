import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c, encodeSummaryRecord } from '../../src/training/event-records.js';
import { createEventWriter } from '../../src/training/tensorboard.node.js';

const SCALAR = '1800000000000000a37f4b220900002040fc54d94110ac022a0a0a080a0161150000803eb563df6d';
const OTHERS =
  '3f00000000000000516576610900002040fc54d94110072a320a110a0169220c080210c801180322030102030a1d0a017332180d0000fa4510011850220204052a09617564696f2f7761761155162e';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom events '));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Splits a file into its records, checking lengths. */
function recordsOf(path: string): Buffer[] {
  const file = readFileSync(path);
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    records.push(file.subarray(at + 12, at + 12 + length));
    at += length + 16;
  }
  return records;
}

describe('event records', () => {
  it('use CRC-32C', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283); // the check value of the algorithm's catalogue entry
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
  });

  // Bytes that the Python package tensorboard 2.21.0 (EventAccumulator and RawEventFileLoader) has read back to these values.
  it('are the bytes that TensorBoard reads', () => {
    const scalar = encodeSummaryRecord(1700000000.5, 300, [{ kind: 'scalar', tag: 'a', value: 0.25 }]);
    expect(Buffer.from(scalar).toString('hex')).toBe(SCALAR);
    const others = encodeSummaryRecord(1700000000.5, 7, [
      { kind: 'image', tag: 'i', png: Uint8Array.of(1, 2, 3), width: 200, height: 2 },
      { kind: 'audio', tag: 's', wav: Uint8Array.of(4, 5), sampleRateHz: 8000, channelCount: 1, frameCount: 80 },
    ]);
    expect(Buffer.from(others).toString('hex')).toBe(OTHERS);
  });
});

describe('the event writer', () => {
  it('starts a file with its version and adds a record per step', () => {
    const writer = createEventWriter(folder, { now: () => 5 });
    writer.write(1, [{ kind: 'scalar', tag: 'loss', value: 1 }]);
    writer.write(2, []);
    const records = recordsOf(writer.path);
    expect(records).toHaveLength(2);
    expect(records[0].includes('brain.Event:2')).toBe(true);
    expect(records[1].includes('loss')).toBe(true);
  });

  it('marks a resumed run, so that steps logged after its checkpoint are forgotten', () => {
    const writer = createEventWriter(folder, { firstStep: 3, now: () => 5 });
    const [, restart] = recordsOf(writer.path);
    expect(restart.subarray(9).toString('hex')).toBe('10043a020801'); // step 4, session log: start
  });
});
