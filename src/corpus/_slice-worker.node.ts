// The work of a thread of `prepare`: one file to slices in shared memory. Loads no engine.
import type { MessagePort } from 'node:worker_threads';
import { workerTask } from '../base/worker-task.node.js';
import { keptCodec } from './_kept-codec.js';
import { sendSlices, type SentSlice, type SliceMemory } from './_slice-channel.node.js';
import { quantiseImage } from './quantise.js';
import { problemOf, sliceFile, type SliceSettings } from './slice-file.node.js';

export interface SliceTask {
  readonly path: string;
  readonly settings: SliceSettings;
  readonly memory: SliceMemory;
  readonly port: MessagePort;
}

async function* quantised({ path, settings }: SliceTask): AsyncGenerator<SentSlice> {
  for await (const { image, offsetFrames, fillFrames } of sliceFile(path, settings, keptCodec(settings.mel))) yield { record: quantiseImage(image), place: [offsetFrames, fillFrames] };
}

export const work = workerTask(async (task: SliceTask) => sendSlices(quantised(task), { ...task, problemOf: (error) => problemOf(task.path, error) }));
