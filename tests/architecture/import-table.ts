// Which folder of src/ may import which: the table of the design, in one place.

const ROWS_ABOVE_TRAINING = [
  'base', 'dsp', 'audio', 'config', 'spectrogram', 'engine', 'nn', 'models', 'diffusion', 'pipeline', 'corpus', 'vocoder',
] as const;

/** Folder → the folders it may import, itself left out. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  dsp: ['base'],
  audio: ['base', 'dsp'],
  config: ['base'],
  spectrogram: ['base', 'dsp', 'audio', 'config'],
  engine: ['base'],
  nn: ['base', 'engine'],
  models: ['base', 'nn', 'config'],
  diffusion: ['base', 'nn'],
  pipeline: ['base', 'config', 'nn', 'spectrogram', 'models', 'diffusion', 'vocoder'],
  corpus: ['base', 'dsp', 'audio', 'spectrogram', 'config'],
  vocoder: ['base', 'dsp', 'audio', 'spectrogram', 'nn', 'models', 'config'],
  training: ROWS_ABOVE_TRAINING,
  generation: ['base', 'config', 'nn', 'audio', 'spectrogram', 'diffusion', 'pipeline', 'vocoder'],
  evaluation: ['base', 'dsp', 'audio', 'spectrogram', 'engine', 'config'],
  cli: [...ROWS_ABOVE_TRAINING, 'training', 'generation', 'evaluation'],
};

/** Folders whose files may import @tensorflow packages. */
export const MAY_USE_TENSORFLOW: readonly string[] = [
  'engine', 'nn', 'models', 'diffusion', 'pipeline', 'training', 'generation', 'vocoder',
];

/** What may lie at the top of the repository beside dot files. */
export const TOP_LEVEL: readonly string[] = [
  'package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'NOTICE', 'src', 'configs', 'audio-samples', 'tests',
];
