// From a sound as it travels in the page to one round of a loop. Runs in the browser.
import { lowPass } from '../../dsp/low-pass.js';
import type { Item, ListeningTest, PackedSound, Stimulus } from './listening-test.js';
import { FULL_SCALE, fromBytes } from './pack-sound.js';
import { FADE_SECONDS } from './switcher.js';

/** Samples of a packed sound at its matched level. Shape: channels of [T]; ±1 is full scale. */
export async function unpackSound({ data, channelCount, gain }: PackedSound): Promise<Float32Array<ArrayBuffer>[]> {
  const squeezed = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([squeezed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return fromBytes(bytes, channelCount).map((channel) => Float32Array.from(channel, (sample) => (sample / FULL_SCALE) * gain));
}

/** Samples of silence before a sound, in which the loop's fade-in lies: an attack at the very start of a drum is left as it is. */
export function leadSamples(sampleRateHz: number): number {
  return Math.round(FADE_SECONDS * sampleRateHz);
}

/** One round of the loop: silence for the fade-in, the sound with its end faded out, silence to the end. Shape: [T] -> [loopSamples]. */
export function layOut(samples: Float32Array, { loopSamples, sampleRateHz }: { readonly loopSamples: number; readonly sampleRateHz: number }): Float32Array<ArrayBuffer> {
  const lead = leadSamples(sampleRateHz);
  const round = new Float32Array(loopSamples);
  round.set(samples, lead);
  const fade = Math.min(lead, samples.length);
  for (let index = 0; index < fade; index += 1) round[lead + samples.length - 1 - index] *= (1 - Math.cos((Math.PI * index) / fade)) / 2;
  return round;
}

/** The buffers of stimuli of one item, all of one length. A mono sound plays in the middle. */
export async function loadStimuli(test: ListeningTest, { item, stimuli }: { readonly item: Item; readonly stimuli: readonly Stimulus[] }): Promise<AudioBuffer[]> {
  const { sampleRateHz, sounds } = test;
  return Promise.all(stimuli.map(async ({ sound, passHz }) => {
    const channels = await unpackSound(sounds[sound]);
    const ready = passHz === undefined ? channels : channels.map((channel) => lowPass(channel, { sampleRateHz, passHz }));
    const buffer = new AudioBuffer({ numberOfChannels: ready.length, length: item.loopSamples, sampleRate: sampleRateHz });
    ready.forEach((channel, index) => buffer.copyToChannel(layOut(channel, { loopSamples: item.loopSamples, sampleRateHz }), index));
    return buffer;
  }));
}
