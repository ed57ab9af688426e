// Types of the two WAV packages, which bring none.
declare module 'wav-decoder' {
  interface AudioData {
    readonly sampleRate: number;
    readonly channelData: Float32Array<ArrayBuffer>[];
  }
  const wavDecoder: { decode: { sync(bytes: ArrayBufferLike, options?: { symmetric?: boolean }): AudioData } };
  export default wavDecoder;
}

declare module 'wav-encoder' {
  interface AudioData {
    readonly sampleRate: number;
    readonly channelData: readonly Float32Array[];
  }
  const wavEncoder: { encode: { sync(audio: AudioData, options?: { bitDepth?: number; float?: boolean; symmetric?: boolean }): ArrayBuffer } };
  export default wavEncoder;
}
