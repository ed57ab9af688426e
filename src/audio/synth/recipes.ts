// All instruments of the starter corpus.
import { clap, hihat, kick, snare } from './drums.js';
import { whoosh } from './noises.js';
import type { Recipe } from './stage.js';
import { bass, bell, fm, pluck, whistle } from './tones.js';

export const STARTER_RECIPES: readonly Recipe[] = [kick, snare, hihat, clap, bass, pluck, bell, fm, whistle, whoosh];
