// Describes a mel image by a short vector of log-mel statistics, which the judge compares. Knows no labels.
import type { MelImage } from '../spectrogram/mel-image.js';
import { requireOneChannel } from '../spectrogram/one-channel.js';

const TIME_SEGMENTS = 16;

/**
 * Log-mel statistics of one image: mean and standard deviation over time of each mel bin, then the mean over mel bins in
 * 16 equal stretches of time. All in decibels above the codec's floor, so silence is the zero vector.
 *
 * Shape: image [M, N] -> [2 * M + 16]. @throws MelstromError for a stereo image
 */
export function logMelStatistics(image: MelImage): Float64Array {
  requireOneChannel(image.settings, 'log-mel statistics');
  const { melBins, floorDb, ceilingDb } = image.settings;
  const frameCount = image.frameCount;
  const features = new Float64Array(2 * melBins + TIME_SEGMENTS);
  const segmentCells = new Float64Array(TIME_SEGMENTS);
  const decibelsPerUnit = (ceilingDb - floorDb) / 2;
  for (let bin = 0; bin < melBins; bin += 1) {
    let sum = 0;
    let squares = 0;
    for (let frame = 0; frame < frameCount; frame += 1) {
      const aboveFloorDb = (image.data[bin * frameCount + frame] + 1) * decibelsPerUnit;
      sum += aboveFloorDb;
      squares += aboveFloorDb * aboveFloorDb;
      const segment = Math.min(TIME_SEGMENTS - 1, Math.floor((frame * TIME_SEGMENTS) / frameCount));
      features[2 * melBins + segment] += aboveFloorDb;
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
