// Recipes of sounds that are noise throughout.
import { chain, filter, noise, type Recipe } from './stage.js';

export const whoosh: Recipe = {
  label: 'whoosh',
  description: 'whoosh: noise under a filter that sweeps up or down',
  play(stage) {
    const seconds = stage.vary('length', [0.6, 1.15]);
    const lowHz = stage.vary('low', [250, 600]);
    const highHz = stage.vary('high', [3500, 7500]);
    const [fromHz, toHz] = stage.choose('direction', [true, false]) ? [lowHz, highHz] : [highHz, lowHz];
    const peakSeconds = seconds * stage.vary('peak', [0.3, 0.7]);
    const bands = [0, 1].map(() => {
      const band = filter(stage, 'bandpass', fromHz, stage.vary('width', [0.8, 2.2]));
      band.frequency.exponentialRampToValueAtTime(toHz, seconds);
      return band;
    });
    const shape = stage.context.createGain();
    shape.gain.setValueAtTime(0.001, 0);
    shape.gain.exponentialRampToValueAtTime(1, peakSeconds);
    shape.gain.exponentialRampToValueAtTime(0.001, seconds);
    chain(stage, noise(stage, seconds), ...bands, shape);
    return seconds;
  },
};
