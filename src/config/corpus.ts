// The schema of what a corpus is and how it is cut into slices. Knows no files.
import { z } from 'zod';
import type { ReadonlyConfig } from './network-checks.js';

/** Where labels come from; `auto` is the manifest where there is one, otherwise folder names. */
const LABEL_SOURCES = ['auto', 'folder', 'manifest', 'none'] as const;
/** How channels become one. */
const DOWNMIXES = ['mean', 'left', 'right', 'mid', 'side'] as const;

export const corpusSchema = z.strictObject({
  /** The folder of sounds, or a CSV manifest of them. Relative to the configuration file. The only key without a default. */
  path: z.string().min(1),
  /** A CSV file with the columns path, label, split, group and any further ones; its paths are relative to it. */
  manifest: z.string().min(1).nullable().default(null),
  /** `folder`: the first folder under `path`; `manifest`: its label column; `none`: sounds without labels. */
  labelsFrom: z.enum(LABEL_SOURCES).default('auto'),
  /** What must not stand in both training and validation: `file`, `folder`, or a column of the manifest. `auto`: the column `group` if there is one, otherwise `file`. */
  groupBy: z.string().min(1).default('auto'),
  /** Share of each label's files held out, by whole groups, as near as they allow. Range 0 to 0.9. Not used when validationGroups or the manifest say which. */
  validationShare: z.number().min(0).max(0.9).default(0.15),
  /** The groups to hold out, by name; when given, all others train. */
  validationGroups: z.array(z.string()).default([]),
  /** The labels to keep, in the order of their numbers; empty keeps all, sorted. Sounds of other labels are left out and counted. */
  labels: z.array(z.string().min(1)).default([]),
  /** The manifest's column of captions, for a UNet that follows text; an empty cell is a sound without. null: no captions. */
  captionColumn: z.string().min(1).nullable().default(null),
  /** How channels become one. `mid` is half the sum of the first two, `side` half their difference. With mel.channels 2 there is nothing to choose: both are kept. */
  downmix: z.enum(DOWNMIXES).default('mean'),
  /** Share of files that may be unreadable before the job stops. Range 0 to 1; at 0 a single bad file stops it. */
  maxBadShare: z.number().min(0).max(1).default(0),
  /** Frames from the start of one slice to the next; null is one whole slice, so that slices do not overlap. */
  sliceHopFrames: z.int().min(1).nullable().default(null),
  /** Slices after a file's first that hold a smaller share of sound than this are left out. Range 0 to 1. */
  minFill: z.number().min(0).max(1).default(0.1),
  /** The most slices taken from one file, from its start; null takes all. */
  maxSlicesPerFile: z.int().min(1).nullable().default(null),
  /** Drops silence below the codec's floor before the first onset of each file, up to two frames before it. */
  alignOnset: z.boolean().default(false),
  /** Draws labels equally often in training, however many slices each has. */
  balanceLabels: z.boolean().default(false),
});

export type CorpusConfig = ReadonlyConfig<z.output<typeof corpusSchema>>;
export type LabelSource = (typeof LABEL_SOURCES)[number];
