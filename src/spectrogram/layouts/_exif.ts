// Numbers in EXIF. Of our own because no kept package writes EXIF for PNG, and the best kept reader (exifreader 4.46) passes over
// doubles, in which Riffusion's exponent and largest value are written. Knows no tag by name.

const SHORT = 3;
const LONG = 4;
const DOUBLE = 12;
const ENTRY_BYTES = 12;
const FIRST_DIRECTORY = 8;
const MARKER = 'Exif\0\0';

type Read = (view: DataView, offset: number, isLittle: boolean) => number;

/** TIFF's type of a number → its size in bytes and how it is read. */
const TYPES: Readonly<Record<number, readonly [number, Read]>> = {
  1: [1, (view, offset) => view.getUint8(offset)],
  [SHORT]: [2, (view, offset, isLittle) => view.getUint16(offset, isLittle)],
  [LONG]: [4, (view, offset, isLittle) => view.getUint32(offset, isLittle)],
  5: [8, (view, offset, isLittle) => view.getUint32(offset, isLittle) / view.getUint32(offset + 4, isLittle)],
  6: [1, (view, offset) => view.getInt8(offset)],
  8: [2, (view, offset, isLittle) => view.getInt16(offset, isLittle)],
  9: [4, (view, offset, isLittle) => view.getInt32(offset, isLittle)],
  10: [8, (view, offset, isLittle) => view.getInt32(offset, isLittle) / view.getInt32(offset + 4, isLittle)],
  11: [4, (view, offset, isLittle) => view.getFloat32(offset, isLittle)],
  [DOUBLE]: [8, (view, offset, isLittle) => view.getFloat64(offset, isLittle)],
};

/** One number under each tag; those that are whole are written as such. */
export interface ExifNumber {
  readonly tag: number;
  readonly value: number;
  /** double keeps fractions and sizes beyond 32 bits; whole must be an integer in [0, 2^32). */
  readonly kind: 'whole' | 'double';
}

/** Encodes numbers as the one directory of a big-endian EXIF block, as a PNG's eXIf chunk holds it. */
export function encodeExif(numbers: readonly ExifNumber[]): Uint8Array {
  const sorted = numbers.toSorted((a, b) => a.tag - b.tag);
  let end = FIRST_DIRECTORY + 2 + ENTRY_BYTES * sorted.length + 4;
  const bytes = new Uint8Array(end + 8 * sorted.filter(({ kind }) => kind === 'double').length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4d, 0x4d, 0, 42]);
  view.setUint32(4, FIRST_DIRECTORY);
  view.setUint16(FIRST_DIRECTORY, sorted.length);
  for (const [index, { tag, value, kind }] of sorted.entries()) {
    const entry = FIRST_DIRECTORY + 2 + ENTRY_BYTES * index;
    const type = kind === 'double' ? DOUBLE : value < 2 ** 16 ? SHORT : LONG;
    view.setUint16(entry, tag);
    view.setUint16(entry + 2, type);
    view.setUint32(entry + 4, 1);
    if (type === SHORT) view.setUint16(entry + 8, value);
    else if (type === LONG) view.setUint32(entry + 8, value);
    else {
      view.setUint32(entry + 8, end);
      view.setFloat64(end, value);
      end += 8;
    }
  }
  return bytes;
}

/** The single numbers of the first directory by tag; text, lists and further directories are passed over. @throws RangeError when it is cut short or no EXIF. */
export function decodeExif(block: Uint8Array): Map<number, number> {
  const isMarked = MARKER === String.fromCharCode(...block.subarray(0, MARKER.length));
  const bytes = isMarked ? block.subarray(MARKER.length) : block;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = view.getUint16(0) === 0x4949;
  if (view.getUint16(2, isLittle) !== 42) throw new RangeError('no EXIF block');
  const directory = view.getUint32(4, isLittle);
  const numbers = new Map<number, number>();
  for (let index = 0; index < view.getUint16(directory, isLittle); index += 1) {
    const entry = directory + 2 + ENTRY_BYTES * index;
    const type = TYPES[view.getUint16(entry + 2, isLittle)];
    if (type === undefined || view.getUint32(entry + 4, isLittle) !== 1) continue;
    const [size, read] = type;
    numbers.set(view.getUint16(entry, isLittle), read(view, size <= 4 ? entry + 8 : view.getUint32(entry + 8, isLittle), isLittle));
  }
  return numbers;
}
