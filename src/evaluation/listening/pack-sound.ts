// 16-bit sound made ready for squeezing, and back: what the page's compressor sees. The squeezing itself is deflate, on either side.

/**
 * Samples → bytes: of each channel the second difference, zigzag-coded so that small steps of either sign are small numbers, low bytes
 * first and then high bytes. Shape: channels of [T] -> [2·T·channels].
 */
export function toBytes(channels: readonly Int16Array[]): Uint8Array {
  const sampleCount = channels[0].length;
  const bytes = new Uint8Array(2 * sampleCount * channels.length);
  channels.forEach((channel, order) => {
    const start = 2 * sampleCount * order;
    let [before, beforeThat] = [0, 0];
    channel.forEach((sample, index) => {
      const step = ((sample - 2 * before + beforeThat) << 16) >> 16; // modulo 2^16
      const code = (step << 1) ^ (step >> 15);
      bytes[start + index] = code & 0xff;
      bytes[start + sampleCount + index] = (code >> 8) & 0xff;
      [beforeThat, before] = [before, sample];
    });
  });
  return bytes;
}

/** The inverse of `toBytes`. */
export function fromBytes(bytes: Uint8Array, channelCount: number): Int16Array[] {
  const sampleCount = bytes.length / 2 / channelCount;
  return Array.from({ length: channelCount }, (_, order) => {
    const start = 2 * sampleCount * order;
    const channel = new Int16Array(sampleCount);
    let [before, beforeThat] = [0, 0];
    for (let index = 0; index < sampleCount; index += 1) {
      const code = bytes[start + index] | (bytes[start + sampleCount + index] << 8);
      const step = (code >>> 1) ^ -(code & 1);
      channel[index] = step + 2 * before - beforeThat; // Int16Array takes it modulo 2^16
      [beforeThat, before] = [before, channel[index]];
    }
    return channel;
  });
}

/** Full scale of the integers: ±32768 is ±1. */
export const FULL_SCALE = 32768;
