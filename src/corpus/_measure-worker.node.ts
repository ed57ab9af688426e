// The work of a thread of `inspect`: measures one file. Loads no engine.
import { workerTask } from '../base/worker-task.node.js';
import { measureFile, type MeasureSettings } from './measure-sound.node.js';

export interface MeasureTask {
  readonly path: string;
  readonly settings: MeasureSettings;
}

export const work = workerTask(({ path, settings }: MeasureTask) => measureFile(path, settings));
