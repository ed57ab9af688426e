// Describes a mel image by a short vector of log-mel statistics, which the judge compares. Knows no labels.
import { imageChannels } from '../config/mel-layout.js';
import { imageChannel, type MelImage } from '../spectrogram/mel-image.js';

const TIME_SEGMENTS = 16;

/**
 * Log-mel statistics of one image: mean and standard deviation over time of each mel bin, then the mean over mel bins in
 * 16 equal stretches of time. All in decibels above the codec's floor, so silence is the zero vector.
 *
 * Of stereo sound the same of mid, side and panning, one behind the other; panning reads from minus half of the codec's range in decibels,
 * all right, over 0 to plus half, all left, so that a label that is a place is known by it.
 *
 * Shape: image [M, N] -> [2 * M + 16], stereo [3·M, N] -> [3 * (2 * M + 16)].
 */
export function logMelStatistics(image: MelImage): Float64Array {
  if (imageChannels(image.settings) === 1) return statisticsOf(image, -1);
  const parts = [-1, -1, 0].map((zero, channel) => statisticsOf(imageChannel(image, channel), zero));
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** @param zero image value that counts as 0 */
function statisticsOf(image: MelImage, zero: number): Float64Array {
  const { melBins, floorDb, ceilingDb } = image.settings;
  const frameCount = image.frameCount;
  const features = new Float64Array(2 * melBins + TIME_SEGMENTS);
  const segmentCells = new Float64Array(TIME_SEGMENTS);
  const decibelsPerUnit = (ceilingDb - floorDb) / 2;
  for (let bin = 0; bin < melBins; bin += 1) {
    let sum = 0;
    let squares = 0;
    for (let frame = 0; frame < frameCount; frame += 1) {
      const aboveZero = (image.data[bin * frameCount + frame] - zero) * decibelsPerUnit;
      sum += aboveZero;
      squares += aboveZero * aboveZero;
      const segment = Math.min(TIME_SEGMENTS - 1, Math.floor((frame * TIME_SEGMENTS) / frameCount));
      features[2 * melBins + segment] += aboveZero;
      segmentCells[segment] += 1;
    }
    const mean = sum / frameCount;
    features[bin] = mean;
    features[melBins + bin] = Math.sqrt(Math.max(0, squares / frameCount - mean * mean));
  }
  for (let segment = 0; segment < TIME_SEGMENTS; segment += 1) {
    features[2 * melBins + segment] /= Math.max(1, segmentCells[segment]);
  }
  return features;
}
