import { describe, expect, it } from 'vitest';
import { drumLabel, instrumentNames } from '../../src/corpus/drum-labels.js';

describe('drumLabel', () => {
  it.each([
    ['808_Kick_Long', 'kick'], ['bd_klub', 'kick'], ['BassDrum', 'kick'], ['drum bass hard', 'kick'], ['c3 - bass drum 1', 'kick'],
    ['Snare (Tama 14")', 'snare'], ['sn_dub', 'snare'], ['SD1', 'snare'], ['Closed HH', 'closed-hat'], ['EE_Hat_Cl_Dirty', 'closed-hat'],
    ['hat_snap', 'closed-hat'], ['Hi-Hat Semiopen (Paiste 14")', 'open-hat'], ['Hat Op Phaser', 'open-hat'], ['SabianHatOpen-Hard', 'open-hat'],
    ['Pedal HH', 'pedal-hat'], ['Sabian Hat Swish', 'loose-hat'], ['Snare Rimshot', 'rim'], ['Side Stick', 'rim'], ['Handclap', 'clap'], ['perc_snap', 'clap'],
    ['tomhi4', 'tom'], ['Floor Tom', 'tom'], ['Paiste Bell', 'ride'], ['Ride Cup', 'ride'], ['China (Paiste Alpha 18")', 'crash'], ['Splash', 'crash'],
    ['Cowbell', 'bell'], ['Sangban1 Bell Hit', 'bell'], ['Sangban1 Head Mute', 'hand-drum'], ['CajonSlaps-Hard', 'hand-drum'], ['Tambourine Pedal', 'shaker'],
    ['WoodBlock-Soft', 'wood'], ['emptySample', null], ['Snare Roll', null], ['ambi_choir', null], ['beats_01-10', null],
  ])('reads %s as %s', (name, label) => expect(drumLabel(name)).toBe(label));
});

describe('instrumentNames', () => {
  it('maps every layer of a kit to its instrument, entities decoded', () => {
    const xml = `<drumkit_info><name>Kit</name><instrumentList>
      <instrument><name>Tom &amp; 12&quot; &#233;</name><instrumentComponent><layer><filename>a.wav</filename></layer><layer><filename>b.wav</filename></layer></instrumentComponent></instrument>
      <instrument><name>Kick</name><filename>sub/c.wav</filename></instrument></instrumentList></drumkit_info>`;
    expect([...instrumentNames(xml)]).toEqual([['a.wav', 'Tom & 12" é'], ['b.wav', 'Tom & 12" é'], ['c.wav', 'Kick']]);
  });
});
