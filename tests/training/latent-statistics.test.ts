import { describe, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createLatentStatistics } from '../../src/training/latent-statistics.js';
import { expectClose } from '../support/close.js';

describe('latent statistics', () => {
  it('are those of many samples drawn from the posteriors', () => {
    const [records, elements, channels] = [20, 6, 2];
    const random = createRandom(4);
    const values = new Float32Array(records * 2 * elements);
    for (let record = 0; record < records; record += 1) {
      for (let element = 0; element < elements; element += 1) {
        values[record * 2 * elements + element] = random.normal() + (element % channels);
        values[record * 2 * elements + elements + element] = 0.5 + random.uniform();
      }
    }
    const statistics = createLatentStatistics(channels);
    statistics.add(values.subarray(0, 8 * 2 * elements), elements);
    statistics.add(values.subarray(8 * 2 * elements), elements);
    const result = statistics.result();

    const drawn: number[][] = [[], []];
    for (let round = 0; round < 2000; round += 1) {
      for (let record = 0; record < records; record += 1) {
        for (let element = 0; element < elements; element += 1) {
          const at = record * 2 * elements + element;
          drawn[element % channels].push(values[at] + values[at + elements] * random.normal());
        }
      }
    }
    const meanOf = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
    const deviationOf = (list: readonly number[]): number => Math.sqrt(meanOf(list.map((value) => value * value)) - meanOf(list) ** 2);
    const sampling = { absolute: 0.02, reason: '120,000 draws per channel' };
    expectClose(result.channelMeans, drawn.map(meanOf), sampling);
    expectClose(result.channelDeviations, drawn.map(deviationOf), sampling);
    expectClose([result.mean, result.deviation], [meanOf(drawn.flat()), deviationOf(drawn.flat())], sampling);
  });
});
