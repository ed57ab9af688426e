// Recipes of struck instruments without a lasting pitch.
import { chain, envelope, filter, noise, oscillator, type Recipe } from './stage.js';

export const kick: Recipe = {
  label: 'kick',
  description: 'bass drum: a falling sine with a click',
  play(stage) {
    const endHz = stage.vary('end', [42, 72]);
    const decaySeconds = stage.vary('decay', [0.3, 0.75]);
    const body = oscillator(stage, 'sine', endHz * stage.vary('drop', [3, 7]));
    body.frequency.setTargetAtTime(endHz, 0, stage.vary('fall', [0.012, 0.04]));
    chain(stage, body, envelope(stage, { level: 1, attackSeconds: 0.002, decaySeconds }));
    const click = envelope(stage, { level: stage.vary('click', [0.05, 0.6]), attackSeconds: 0.0005, decaySeconds: 0.02 });
    chain(stage, noise(stage, 0.05), filter(stage, 'bandpass', stage.vary('clickHz', [1500, 4000]), 0.8), click);
    return Math.min(0.8, decaySeconds);
  },
};

export const snare: Recipe = {
  label: 'snare',
  description: 'snare drum: two shell tones under bright noise',
  play(stage) {
    const shellHz = stage.vary('shell', [165, 260]);
    const ring = stage.vary('ring', [0.12, 0.28]);
    const rattle = stage.vary('rattle', [0.2, 0.5]);
    for (const [ratio, level] of [
      [1, 0.7],
      [1.62, 0.35],
    ]) {
      const tone = oscillator(stage, 'triangle', shellHz * ratio * 1.15);
      tone.frequency.setTargetAtTime(shellHz * ratio, 0, 0.012);
      chain(stage, tone, envelope(stage, { level, decaySeconds: ring }));
    }
    const wires = envelope(stage, { level: stage.vary('wires', [0.8, 1.8]), decaySeconds: rattle });
    chain(stage, noise(stage, rattle), filter(stage, 'highpass', stage.vary('bright', [1800, 3500])), wires);
    return rattle;
  },
};

/** Ratios of the square waves whose clash makes metal. */
const METAL = [1, 1.342, 1.531, 1.897, 2.414, 2.917];

export const hihat: Recipe = {
  label: 'hihat',
  description: 'hi-hat, from tightly closed to open: clashing square waves and noise, high frequencies only',
  play(stage) {
    const decaySeconds = stage.vary('decay', [0.08, 0.8]);
    const baseHz = stage.vary('base', [310, 460]);
    const cut = filter(stage, 'highpass', stage.vary('cut', [6000, 7500]));
    for (const ratio of METAL) oscillator(stage, 'square', baseHz * ratio).connect(cut);
    const hiss = stage.context.createGain();
    hiss.gain.value = stage.vary('hiss', [0.3, 3]);
    noise(stage, decaySeconds).connect(hiss).connect(cut);
    chain(stage, cut, filter(stage, 'highpass', 6000), envelope(stage, { level: 1, decaySeconds }));
    return decaySeconds;
  },
};

export const clap: Recipe = {
  label: 'clap',
  description: 'hand clap: three to five short bursts of mid-range noise and a tail',
  play(stage) {
    const hands = stage.choose('hands', [3, 4, 5]);
    const gapSeconds = stage.vary('gap', [0.009, 0.018]);
    const tailSeconds = stage.vary('tail', [0.18, 0.42]);
    const colourHz = stage.vary('colour', [850, 1700]);
    const last = hands * gapSeconds;
    for (let hand = 0; hand < hands; hand += 1) {
      const startSeconds = hand * gapSeconds * (0.9 + 0.2 * stage.random.uniform());
      const burst = envelope(stage, { level: 0.6 + 0.4 * stage.random.uniform(), attackSeconds: 0.0008, decaySeconds: 0.02, startSeconds });
      chain(stage, noise(stage, last + 0.1), filter(stage, 'bandpass', colourHz, 1.6), filter(stage, 'bandpass', colourHz * 1.2, 0.9), burst);
    }
    const tail = envelope(stage, { level: 0.8, decaySeconds: tailSeconds, startSeconds: last });
    chain(stage, noise(stage, last + tailSeconds), filter(stage, 'bandpass', colourHz, 1.6), filter(stage, 'bandpass', colourHz * 1.2, 0.9), tail);
    return last + tailSeconds;
  },
};
