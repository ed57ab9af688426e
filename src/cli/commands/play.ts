// `melstrom play`: plays sound files one after the other.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { durationSeconds } from '../../audio/clip.js';
import { decodeFile } from '../../audio/decode.node.js';
import { playClip } from '../../audio/play.node.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';

/** Adds the command to the program. */
export function addPlay(program: Command): void {
  program
    .command('play')
    .description('play sound files in order, where there is a sound device')
    .argument('<files...>', 'sound files')
    .action(async (files: string[], _flags: object, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      const clips = await Promise.all(files.map((file) => decodeFile(resolve(file)))); // one that can't be read is said before the first is heard
      const played: { file: string; seconds: number }[] = [];
      for (const [index, clip] of clips.entries()) {
        if (signal.aborted) break;
        reporter.log.info(`${files[index]} (${durationSeconds(clip).toFixed(2)} s)`);
        await playClip(clip, { signal });
        if (!signal.aborted) played.push({ file: files[index], seconds: durationSeconds(clip) });
      }
      print({ played }, [`played ${played.length} of ${files.length}`]);
      if (signal.aborted) process.exitCode = INTERRUPTED_STATUS;
    });
}
