// Measures one sound for the report of a corpus: size, level, clipping, and what the codec makes of it.
import { openAudio } from '../audio/decode.node.js';
import { downmix } from '../audio/downmix.js';
import type { CorpusConfig } from '../config/corpus.js';
import { leftAndRight } from '../audio/load.node.js';
import type { MelSettings } from '../config/mel.js';
import { imageRows } from '../config/mel-layout.js';
import { peak } from '../dsp/loudness.js';
import { createChannelResampler } from '../dsp/resample.js';
import type { ImageCodec } from '../spectrogram/image-codec.js';
import { keptCodec } from './_kept-codec.js';
import { createBandMeter, type BandEnergy } from './band-energy.js';
import { createFrameStream } from './frame-stream.js';
import { problemOf } from './slice-file.node.js';

export interface SoundMeasures {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly seconds: number;
  /** Largest magnitude of any channel; 1 is full scale. */
  readonly peak: number;
  /** Samples in runs of three or more at full scale. */
  readonly clippedSamples: number;
  /** Energy at the sound's own rate, by the codec's band. */
  readonly energy: BandEnergy;
  readonly frameCount: number;
  /** Frames with every cell at the codec's floor. Cells are those of levels, of stereo sound mid's and side's. */
  readonly silentFrames: number;
  readonly floorCells: number;
  readonly ceilingCells: number;
}

/** Image values this near to an end of the range count as at it. */
const AT_END = 1e-5;

export interface MeasureSettings {
  readonly mel: MelSettings;
  readonly rule: CorpusConfig['downmix'];
}

/** What is known of a file, or why it cannot be used. */
export type FileMeasures = { readonly measures: SoundMeasures } | { readonly problem: string };

/** Measures a file; what is wrong with it is an answer, not an error. */
export async function measureFile(path: string, { mel, rule }: MeasureSettings): Promise<FileMeasures> {
  try {
    return { measures: await measureSound(path, { mel, rule, codec: keptCodec(mel) }) };
  } catch (error) {
    return { problem: problemOf(path, error) };
  }
}

/** Reads a sound once, block by block. @throws MelstromError of kind 'data' that names the file */
export async function measureSound(path: string, { mel, codec, rule }: MeasureSettings & { readonly codec: ImageCodec }): Promise<SoundMeasures> {
  const source = await openAudio(path);
  try {
    const { sampleRateHz, channelCount, format } = source;
    const resamplers = Array.from({ length: mel.channels }, () => createChannelResampler(sampleRateHz, mel.sampleRateHz));
    const stream = createFrameStream(mel, codec);
    const bands = createBandMeter(sampleRateHz, mel);
    const clipping = Array.from({ length: channelCount }, createClipCounter);
    const cells = createCellCounter(mel);
    let sampleCount = 0;
    let largest = 0;
    for await (const block of source.blocks()) {
      sampleCount += block[0].length;
      block.forEach((channel, index) => {
        largest = Math.max(largest, peak(channel));
        clipping[index].push(channel);
      });
      const mono = downmix(block, rule);
      bands.push(mono);
      const heard = mel.channels === 2 ? leftAndRight(path, block) : [mono];
      cells.push(stream.push(heard.map((channel, index) => resamplers[index].process(channel))));
    }
    cells.push(stream.push(resamplers.map((resampler) => resampler.flush())));
    cells.push(stream.end());
    return {
      format, sampleRateHz, channelCount, seconds: sampleCount / sampleRateHz, peak: largest,
      clippedSamples: clipping.reduce((sum, { count }) => sum + count(), 0), energy: bands.end(), ...cells.counts(),
    };
  } finally {
    await source.close();
  }
}

const FULL_SCALE = 0.9995;
const CLIPPED_RUN = 3;

interface ClipCounter {
  push(samples: Float32Array): void;
  count(): number;
}

/** One sample at full scale may be meant; a row of them is a wave with its top cut off. */
function createClipCounter(): ClipCounter {
  let run = 0;
  let count = 0;
  return {
    push(samples) {
      for (let index = 0; index < samples.length; index += 1) {
        run = Math.abs(samples[index]) >= FULL_SCALE ? run + 1 : 0;
        if (run === CLIPPED_RUN) count += CLIPPED_RUN;
        else if (run > CLIPPED_RUN) count += 1;
      }
    },
    count: () => count,
  };
}

type CellCounts = Pick<SoundMeasures, 'frameCount' | 'silentFrames' | 'floorCells' | 'ceilingCells'>;

function createCellCounter(mel: MelSettings): { push(frames: Float32Array): void; counts(): CellCounts } {
  const rows = imageRows(mel);
  const levels = Math.min(rows, 2 * mel.melBins);
  const counts = { frameCount: 0, silentFrames: 0, floorCells: 0, ceilingCells: 0 };
  return {
    push(frames) {
      for (let start = 0; start < frames.length; start += rows) {
        let atFloor = 0;
        for (let cell = start; cell < start + levels; cell += 1) {
          if (frames[cell] <= -1 + AT_END) atFloor += 1;
          else if (frames[cell] >= 1 - AT_END) counts.ceilingCells += 1;
        }
        counts.frameCount += 1;
        counts.floorCells += atFloor;
        if (atFloor === levels) counts.silentFrames += 1;
      }
    },
    counts: () => ({ ...counts }),
  };
}
