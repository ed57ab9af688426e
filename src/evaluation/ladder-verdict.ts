// Says in words what limits the sound of a ladder, codec settings, inverter or autoencoder, and what to change.
import { decimals } from './page.js';
import { estimateMean, RUNGS, type Estimate, type RungFigures, type RungName } from './rung-figures.js';

/** Figures of one file, rung by rung; without an autoencoder there is no `vae`. */
export type FileRungs = Partial<Readonly<Record<RungName, RungFigures>>>;

/** What each rung adds to the log-spectral distance of the one before. Unit: dB. */
export interface Loss {
  readonly rung: RungName;
  readonly addedDb: Estimate;
}

export interface LadderVerdict {
  readonly losses: readonly Loss[];
  /** The rung that loses most; null when nothing was heard. */
  readonly limit: RungName | null;
  /** Whether it loses more than every other, beyond doubt: its interval lies above theirs. */
  readonly isClear: boolean;
  readonly sentences: readonly string[];
}

/** Below this share of the bandwidth, sound above the codec is what is missed first. */
const FULL_BANDWIDTH = 0.9;
/** A rung that leaves less of the texture than this share of what it was given has smoothed it. */
const FULL_TEXTURE = 0.8;

const NAMES: Readonly<Record<RungName, string>> = { codec: 'the codec settings', inverted: 'the inverter', vae: 'the autoencoder' };
const CHANGES: Readonly<Record<RungName, string>> = {
  codec: 'Raise mel.melBins, and mel.fftSize with them, for finer pitch; lower mel.hopSamples for sharper attacks; lower mel.floorDb when quiet tails are cut. A vocoder trained on your recordings brings part of it back.',
  inverted: 'Raise generation.griffinLimIterations, lower mel.hopSamples, or use a trained vocoder: the mel image holds more than the inverter finds.',
  vae: 'Train the autoencoder longer, give it more latent_channels or fewer down blocks, or a spectrogram loss: what is blurred here no UNet can bring back.',
};

/** Judges by the log-spectral distance, file by file, so that files count alike. */
export function judgeLadder(files: readonly FileRungs[]): LadderVerdict {
  const present = RUNGS.filter((rung) => files.some((file) => file[rung] !== undefined));
  const losses = present.map((rung, index) => ({
    rung,
    addedDb: estimateMean(files.map((file) => (file[rung]?.logSpectralDb ?? Number.NaN) - (index === 0 ? 0 : (file[present[index - 1]]?.logSpectralDb ?? Number.NaN)))),
  }));
  const heard = losses.filter(({ addedDb }) => addedDb.count > 0).sort((a, b) => b.addedDb.mean - a.addedDb.mean);
  if (heard.length === 0) return { losses, limit: null, isClear: false, sentences: ['All files are silent: there is nothing to compare.'] };
  const [worst, ...others] = heard;
  const isClear = others.every(({ addedDb }) => (worst.addedDb.interval?.[0] ?? -Infinity) > (addedDb.interval?.[1] ?? Infinity));
  return { losses, limit: worst.rung, isClear, sentences: [verdictText(worst, others, isClear), CHANGES[worst.rung], ...broughtBackText(losses), ...textureText(files, present), ...bandwidthText(files), ...levelText(files, present), ...widthText(files, present)] };
}

function verdictText(worst: Loss, others: readonly Loss[], isClear: boolean): string {
  const rest = others.map(({ rung, addedDb }) => `${NAMES[rung]} ${decibels(addedDb)}`).join(', ');
  const certainty = isClear ? '' : worst.addedDb.count < 2 ? ' One file says little: give more.' : ' The intervals touch, so this is not certain: give more files.';
  return `Most is lost by ${NAMES[worst.rung]}: ${decibels(worst.addedDb)} of log-spectral distance${rest === '' ? '' : `; ${rest}`}.${certainty}`;
}

function decibels({ mean, interval }: Estimate): string {
  const text = (value: number): string => decimals(value, 2);
  return `${text(mean)} dB${interval === null ? '' : ` [${interval.map(text).join(', ')}]`}`;
}

/** A trained vocoder knows more of the magnitudes than least squares, by which the codec is judged. */
function broughtBackText(losses: readonly Loss[]): string[] {
  const added = losses.find(({ rung }) => rung === 'inverted')?.addedDb.mean ?? 0;
  return added < 0 ? [`The vocoder brings ${decimals(-added, 2)} dB of what the codec loses back.`] : [];
}

/** Names the first rung that smooths. */
function textureText(files: readonly FileRungs[], present: readonly RungName[]): string[] {
  const kept = present.map((rung) => estimateMean(files.map((file) => file[rung]?.textureKept ?? Number.NaN)).mean);
  const smoothing = kept.findIndex((share, index) => share < FULL_TEXTURE * (index === 0 ? 1 : kept[index - 1]));
  if (smoothing < 0) return [];
  const change = present[smoothing] === 'vae' ? ': raise vae.loss.textureWeight, or train the autoencoder longer' : '';
  return [`After ${NAMES[present[smoothing]]} ${(100 * kept[smoothing]).toFixed(0)} % of the fine texture is left, such as the grain of noise${change}.`];
}

function bandwidthText(files: readonly FileRungs[]): string[] {
  const { mean } = estimateMean(files.map((file) => file.codec?.bandwidthKept ?? Number.NaN));
  if (!(mean < FULL_BANDWIDTH)) return [];
  return [`The codec keeps ${(100 * mean).toFixed(0)} % of the recordings’ bandwidth, which the distances above, taken at its rate, don’t see: raise mel.sampleRateHz and mel.maxHz.`];
}

function levelText(files: readonly FileRungs[], present: readonly RungName[]): string[] {
  return present.flatMap((rung) => {
    const { mean } = estimateMean(files.map((file) => file[rung]?.levelDifferenceDb ?? Number.NaN));
    return Math.abs(mean) < 1 ? [] : Number.isNaN(mean) ? [] : [`After ${NAMES[rung]} the sound is ${Math.abs(mean).toFixed(1)} dB ${mean > 0 ? 'louder' : 'softer'} than the original.`];
  });
}

function widthText(files: readonly FileRungs[], present: readonly RungName[]): string[] {
  return present.flatMap((rung) => {
    const { mean } = estimateMean(files.map((file) => file[rung]?.widthDifferenceDb ?? Number.NaN));
    return Math.abs(mean) >= 1 ? [`After ${NAMES[rung]} the sound is ${mean > 0 ? 'wider' : 'narrower'} than the original: its side is ${Math.abs(mean).toFixed(1)} dB ${mean > 0 ? 'louder' : 'softer'} against its mid.`] : [];
  });
}
