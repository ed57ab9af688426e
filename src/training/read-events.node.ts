// Reads back what a run has logged: the numbers in its event files, with what a resumed run has overwritten left out.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tag → points [step, value] in order of step, for example `train/loss`. */
export type LoggedNumbers = ReadonlyMap<string, readonly (readonly [number, number])[]>;

/** Longer records hold pictures and sounds. Unit: bytes. */
const LONGEST_NUMBERS = 16_384;
const RECORD_HEAD = 12;
const RECORD_TAIL = 4;

/** The numbers under a stage's folder of events; none when it is not there. A file cut off by a kill is read up to there. */
export function readLoggedNumbers(folder: string): LoggedNumbers {
  const points = new Map<string, (readonly [number, number])[]>();
  for (const name of eventFiles(folder)) {
    for (const event of readFile(join(folder, name))) {
      if (event.isRestart) for (const [tag, own] of points) points.set(tag, own.filter(([step]) => step < event.step));
      for (const [tag, value] of event.numbers) {
        const own = points.get(tag);
        if (own === undefined) points.set(tag, [[event.step, value]]);
        else own.push([event.step, value]);
      }
    }
  }
  return points;
}

/** Their names begin with the time they were opened, so that their order is that of the run. */
function eventFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith('events.out.tfevents.')).sort();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return [];
    throw error;
  }
}

interface LoggedEvent {
  readonly step: number;
  readonly isRestart: boolean;
  readonly numbers: readonly (readonly [string, number])[];
}

function* readFile(path: string): Generator<LoggedEvent> {
  const bytes = readFileSync(path);
  for (let at = 0; at + RECORD_HEAD <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const start = at + RECORD_HEAD;
    at = start + length + RECORD_TAIL;
    if (at > bytes.length) return;
    if (length <= LONGEST_NUMBERS) yield readEvent(bytes.subarray(start, start + length));
  }
}

function readEvent(bytes: Buffer): LoggedEvent {
  let step = 0;
  let isRestart = false;
  const numbers: [string, number][] = [];
  for (const { field, value, content } of fieldsOf(bytes)) {
    if (field === 2) step = value;
    else if (field === 7) isRestart = true;
    else if (field === 5) {
      for (const entry of fieldsOf(content)) {
        const parts = [...fieldsOf(entry.content)];
        const number = parts.find((part) => part.field === 2);
        if (number !== undefined) numbers.push([parts.find((part) => part.field === 1)?.content.toString('utf8') ?? '', number.value]);
      }
    }
  }
  return { step, isRestart, numbers };
}

interface Field {
  readonly field: number;
  readonly value: number;
  readonly content: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** Fields of a protocol buffer message: whole numbers, 32- and 64-bit floats, and bytes. */
function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at];
      at += 1;
      value += (byte & 0x7f) * scale;
      if (!(byte >= 0x80)) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        yield { field, value: varint(), content: NOTHING };
        break;
      case 1:
        yield { field, value: bytes.readDoubleLE(at), content: NOTHING };
        at += 8;
        break;
      case 5:
        yield { field, value: bytes.readFloatLE(at), content: NOTHING };
        at += 4;
        break;
      default: {
        const length = varint();
        yield { field, value: length, content: bytes.subarray(at, at + length) };
        at += length;
      }
    }
  }
}
