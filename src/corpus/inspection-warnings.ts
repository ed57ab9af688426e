// What in a corpus is likely to disappoint, in words with a way out. Knows no files.
import type { Inspection } from './inspection.js';

/** Below these a model of any size learns its examples by heart, or a label hardly at all. */
const FEW_SLICES = 200;
const FEW_FILES_OF_LABEL = 10;
const FEW_VALIDATION_FILES = 8;
const UNEVEN_LABELS = 10;
const MUCH_LOST = 0.05;
const MUCH_CLIPPED = 0.01;
const MUCH_SILENCE = 0.5;
const MUCH_PADDING = 0.7;

type Figures = Omit<Inspection, 'warnings' | 'contactSheet'>;

/** The warnings of a report, the gravest first. */
export function inspectionWarnings(report: Figures): string[] {
  return [...smallData(report), ...labelBalance(report), ...soundQuality(report)];
}

function smallData({ sliceCount, validationFiles, bad, fileCount }: Figures): string[] {
  const warnings: string[] = [];
  if (bad.length > 0) warnings.push(`${bad.length} of ${fileCount + bad.length} files cannot be read: mend or remove them, or set corpus.maxBadShare to ${(Math.ceil((bad.length / (fileCount + bad.length)) * 1000) / 1000).toString()} or more`);
  if (sliceCount < FEW_SLICES) warnings.push(`${sliceCount} slices are few: expect copies of the recordings rather than new sounds; add recordings, lower corpus.sliceHopFrames, or augment (training.augment)`);
  if (validationFiles === 0) warnings.push('nothing is held out, so nothing tells when training has stopped improving: set corpus.validationShare or corpus.validationGroups');
  else if (validationFiles < FEW_VALIDATION_FILES) warnings.push(`only ${validationFiles} files are held out: validation figures will be rough`);
  return warnings;
}

function labelBalance({ labels, duplicates }: Figures): string[] {
  const named = labels.filter(({ label }) => label !== null);
  const warnings: string[] = [];
  const few = named.filter(({ files }) => files < FEW_FILES_OF_LABEL);
  if (few.length > 0) warnings.push(`labels of fewer than ${FEW_FILES_OF_LABEL} files are hardly learnt: ${few.map(({ label, files }) => `${label} (${files})`).join(', ')}`);
  const most = Math.max(...named.map(({ files }) => files));
  const least = Math.min(...named.map(({ files }) => files));
  if (named.length > 1 && most > UNEVEN_LABELS * least) warnings.push(`the largest label has ${most} files and the smallest ${least}: set corpus.balanceLabels: true`);
  const untrained = named.filter(({ trainFiles }) => trainFiles === 0);
  if (untrained.length > 0) warnings.push(`held out altogether, so never learnt: ${untrained.map(({ label }) => label).join(', ')}`);
  const unlabelled = labels.find(({ label }) => label === null);
  if (named.length > 0 && unlabelled !== undefined) warnings.push(`${unlabelled.files} files have no label: they train the part of the model that answers to no label`);
  const contradicting = duplicates.filter(({ hasOtherLabel }) => hasOtherLabel).length;
  if (contradicting > 0) warnings.push(`${contradicting} duplicates stand under two labels: only the first is used, which may be the wrong one`);
  return warnings;
}

function soundQuality({ codec, clipped, fileCount, silentShare, silentFiles, paddingShare }: Figures): string[] {
  const warnings: string[] = [];
  if (codec.aboveMaxHzShare > MUCH_LOST) warnings.push(`${Math.round(codec.aboveMaxHzShare * 100)} % of the energy lies above mel.maxHz and is lost: raise mel.sampleRateHz and mel.maxHz`);
  if (codec.ceilingShare > 0.001) warnings.push('some cells lie at the ceiling, where level is lost: raise mel.ceilingDb');
  if (clipped.length > MUCH_CLIPPED * fileCount) warnings.push(`${clipped.length} files are clipped; the model will learn the distortion too`);
  if (silentFiles.length > 0) warnings.push(`${silentFiles.length} files are silent throughout at a floor of mel.floorDb`);
  else if (silentShare > MUCH_SILENCE) warnings.push(`${Math.round(silentShare * 100)} % of the frames are silent: corpus.alignOnset trims silence before onsets`);
  if (paddingShare > MUCH_PADDING) warnings.push(`${Math.round(paddingShare * 100)} % of the slices is padding: lower mel.frames to train faster`);
  return warnings;
}
