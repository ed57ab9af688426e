// Complex frames as the rows that networks and tensor transforms take: real parts, then imaginary parts.
import type { Spectrum } from './stft.js';

/** The frames from `from` on and before `to`. Shape: [N, F] complex -> [(to - from)*2·F]. */
export function spectrumRows({ re, im, binCount }: Spectrum, { from, to }: { readonly from: number; readonly to: number }): Float32Array {
  const rows = new Float32Array((to - from) * 2 * binCount);
  for (let frame = from; frame < to; frame += 1) {
    const at = (frame - from) * 2 * binCount;
    rows.set(re.subarray(frame * binCount, (frame + 1) * binCount), at);
    rows.set(im.subarray(frame * binCount, (frame + 1) * binCount), at + binCount);
  }
  return rows;
}
