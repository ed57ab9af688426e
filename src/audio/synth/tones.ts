// Recipes of instruments with a pitch.
import { chain, envelope, filter, noise, oscillator, type Recipe } from './stage.js';

export const bass: Recipe = {
  label: 'bass',
  description: 'synthesiser bass: two detuned waves under a closing filter',
  play(stage) {
    const pitchHz = stage.vary('pitch', [44, 98], 0.8);
    const seconds = stage.vary('length', [0.45, 0.95]);
    const wave = stage.choose<OscillatorType>('wave', ['sawtooth', 'square']);
    const openHz = stage.vary('open', [500, 1400]);
    const low = filter(stage, 'lowpass', openHz, stage.vary('resonance', [0.7, 6]));
    low.frequency.setTargetAtTime(stage.vary('closed', [140, 260]), 0.01, stage.vary('sweep', [0.05, 0.25]));
    for (const detune of [1, stage.vary('detune', [1.002, 1.012])]) oscillator(stage, wave, pitchHz * detune).connect(low);
    const shape = envelope(stage, { level: 0.5, attackSeconds: 0.006, decaySeconds: seconds * 1.6 });
    shape.gain.setTargetAtTime(0, seconds - 0.06, 0.012);
    chain(stage, low, shape);
    return seconds;
  },
};

const STRING_PARTIALS = 16;

export const pluck: Recipe = {
  label: 'pluck',
  description: 'plucked string: harmonics of which the higher die sooner',
  play(stage) {
    const pitchHz = stage.vary('pitch', [185, 370], 0.8);
    const decaySeconds = stage.vary('decay', [0.7, 1.15]);
    const damping = stage.vary('damping', [0.03, 0.09]);
    const place = stage.vary('place', [0.11, 0.23]);
    const stiffness = stage.vary('stiffness', [0.00005, 0.0006]);
    for (let order = 1; order <= STRING_PARTIALS; order += 1) {
      const partialHz = pitchHz * order * Math.sqrt(1 + stiffness * order * order);
      if (partialHz > 10_000) break;
      const level = Math.abs(Math.sin(Math.PI * order * place)) / order;
      chain(stage, oscillator(stage, 'sine', partialHz), envelope(stage, { level, attackSeconds: 0.0015, decaySeconds: decaySeconds / (1 + damping * (order - 1)) }));
    }
    const pick = envelope(stage, { level: stage.vary('pick', [0.03, 0.2]), attackSeconds: 0.0005, decaySeconds: 0.025 });
    chain(stage, noise(stage, 0.06), filter(stage, 'bandpass', stage.vary('pickHz', [1500, 3500]), 0.7), pick);
    return decaySeconds;
  },
};

/** Partials of bells of two casts, from the hum note upwards; levels fall with the order. */
const BELLS = [
  [0.5, 1, 1.183, 1.506, 2, 2.514, 2.662, 3.011, 4.166],
  [0.56, 1, 1.25, 1.71, 2.18, 2.756, 3.42, 4.07, 5.404],
];

export const bell: Recipe = {
  label: 'bell',
  description: 'bell or chime: inharmonic partials with a long decay',
  play(stage) {
    const partials = stage.choose('cast', BELLS);
    const pitchHz = stage.vary('pitch', [780, 1150], 0.7);
    const decaySeconds = stage.vary('decay', [1.4, 2.4]);
    partials.forEach((ratio, index) => {
      const partialHz = pitchHz * ratio * (1 + 0.004 * (stage.random.uniform() - 0.5));
      if (partialHz > 10_000) return;
      const level = stage.vary(`level ${index}`, [0.4, 1]) / (1 + 0.5 * index);
      // Two modes lie close together in a real bell, hence the slow beat.
      for (const split of [1, 1 + stage.vary('split', [0.0005, 0.003])]) {
        chain(stage, oscillator(stage, 'sine', partialHz * split), envelope(stage, { level: level / 2, decaySeconds: decaySeconds / (1 + 0.35 * index) }));
      }
    });
    return Math.min(1.15, decaySeconds);
  },
};

export const fm: Recipe = {
  label: 'fm',
  description: 'frequency modulation: a swelling tone whose spectrum opens and closes',
  play(stage) {
    const pitchHz = stage.vary('pitch', [120, 210], 0.8);
    const seconds = stage.vary('length', [0.75, 1.1]);
    const riseSeconds = seconds * stage.vary('rise', [0.25, 0.4]);
    const formant = stage.choose('formant', [4, 5, 6]);
    // An index below the formant's ratio keeps the momentary frequency positive; below zero this oscillator crackles.
    const index = Math.min(0.95 * formant, stage.vary('index', [2.6, 4.5]));
    const modulator = oscillator(stage, 'sine', pitchHz);
    const depth = stage.context.createGain();
    depth.gain.setValueAtTime(0, 0);
    depth.gain.linearRampToValueAtTime(index * pitchHz, riseSeconds);
    depth.gain.linearRampToValueAtTime(0, seconds);
    const carrier = oscillator(stage, 'sine', pitchHz * formant);
    modulator.connect(depth).connect(carrier.frequency);
    const swell = stage.context.createGain();
    swell.gain.setValueAtTime(0, 0);
    swell.gain.linearRampToValueAtTime(0.8, riseSeconds);
    swell.gain.linearRampToValueAtTime(0, seconds);
    chain(stage, carrier, swell);
    return seconds;
  },
};

export const whistle: Recipe = {
  label: 'whistle',
  description: 'whistle: one gliding, trembling tone with breath',
  play(stage) {
    const seconds = stage.vary('length', [0.35, 0.9]);
    const startHz = stage.vary('pitch', [1600, 2700], 0.8);
    const glide = stage.choose('direction', [1, -1]) * stage.vary('glide', [0.08, 0.5]);
    const tone = oscillator(stage, 'sine', startHz);
    tone.frequency.exponentialRampToValueAtTime(startHz * 2 ** glide, seconds);
    const tremble = oscillator(stage, 'sine', stage.vary('vibratoHz', [4.5, 8]));
    const extent = stage.context.createGain();
    extent.gain.value = startHz * stage.vary('vibrato', [0.002, 0.015]);
    tremble.connect(extent).connect(tone.frequency);
    const breath = stage.context.createGain();
    breath.gain.value = stage.vary('breath', [0.05, 0.3]);
    const shape = stage.context.createGain();
    shape.gain.setValueAtTime(0, 0);
    shape.gain.linearRampToValueAtTime(0.7, stage.vary('attack', [0.02, 0.09]));
    shape.gain.setValueAtTime(0.7, seconds - 0.08);
    shape.gain.linearRampToValueAtTime(0, seconds);
    tone.connect(shape);
    noise(stage, seconds).connect(filter(stage, 'bandpass', startHz, 2)).connect(breath).connect(shape);
    chain(stage, shape);
    return seconds;
  },
};
