// Runs a WebAssembly decoder over a file in pieces, so that long files never lie in memory whole.
import { messageOf } from '../base/errors.js';
import { badAudio, type ByteReader } from './byte-reader.js';

/** What the decoders have in common. */
export interface WasmDecoder {
  readonly ready: Promise<void>;
  decode(bytes: Uint8Array): WasmResult | Promise<WasmResult>;
  flush?(): Promise<WasmResult>;
  free(): void;
}

interface WasmResult {
  readonly channelData: Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: readonly { readonly message: string }[];
}

export interface WasmStreamOptions {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly create: () => Promise<WasmDecoder>;
  /** Byte range that holds the stream. */
  readonly start: number;
  readonly end: number;
}

/** Unit: bytes of compressed sound; a few seconds to a minute of it. */
const PIECE_BYTES = 1 << 16;

/** @throws MelstromError when the decoder reports damage or the rate changes on the way */
export async function* streamThroughWasm(file: ByteReader, options: WasmStreamOptions): AsyncGenerator<Float32Array[]> {
  const { format, sampleRateHz, start, end } = options;
  const decoder = await options.create();
  await decoder.ready;
  const accept = (result: WasmResult): Float32Array[] | null => {
    const [error] = result.errors;
    if (error !== undefined) throw badAudio(file.path, `a damaged ${format} file (${error.message})`);
    if (result.samplesDecoded === 0) return null;
    if (result.sampleRate !== sampleRateHz) {
      throw badAudio(file.path, `a ${format} file whose rate changes from ${sampleRateHz} to ${result.sampleRate} Hz on the way`);
    }
    return result.channelData;
  };
  // What a decoder throws on damage is no error of ours yet, and one that has thrown may be past freeing.
  let isBroken = false;
  const ask = async (answer: () => WasmResult | Promise<WasmResult>): Promise<WasmResult> => {
    try {
      return await answer();
    } catch (cause) {
      isBroken = true;
      throw badAudio(file.path, `a damaged ${format} file (${messageOf(cause)})`, { cause });
    }
  };
  try {
    for (let position = start; position < end; position += PIECE_BYTES) {
      const piece = await file.read(position, Math.min(PIECE_BYTES, end - position));
      const block = accept(await ask(() => decoder.decode(piece)));
      if (block !== null) yield block;
    }
    const rest = decoder.flush === undefined ? null : accept(await ask(() => decoder.flush!()));
    if (rest !== null) yield rest;
  } finally {
    if (!isBroken) decoder.free();
  }
}
