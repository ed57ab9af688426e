// The texts that go with the starter corpus: its README and its manifest.
import { STARTER_RECIPES } from './recipes.js';
import type { Take } from './stage.js';

/** Gives the content of each text by file name. */
export function describeStarterCorpus(seed: number, clips: readonly { readonly path: string; readonly take: Take }[]): Record<string, string> {
  const rows = clips.map(({ path, take }) => `${path},${take.label},${take.label}-${take.group + 1}`);
  return {
    'manifest.csv': `path,label,group\n${rows.join('\n')}\n`,
    'README.md': `# Starter corpus

${clips.length} short sounds with ${STARTER_RECIPES.length} labels, 22.05 kHz, mono, 16 bits, none longer than 1.15 seconds. All of them were synthesised by this
project (\`src/audio/synth/\`, seed ${seed}); nothing was recorded or taken from elsewhere. \`melstrom corpus starter --out <folder>\` makes
them again.

| label | sound |
| --- | --- |
${STARTER_RECIPES.map(({ label, description }) => `| ${label} | ${description} |`).join('\n')}

Each label has six groups of five takes. A group is one instrument: its tuning, decay, timbre and level lie in a narrow region; the
takes are that instrument played again. \`manifest.csv\` names the group of every clip, so that training and validation can be split by
instrument (\`groupBy: group\`), which is harder and more honest than a split by file.

The authors dedicate these sounds to the public domain under the Creative Commons CC0 1.0 Universal dedication
(https://creativecommons.org/publicdomain/zero/1.0/). Use them for anything, without asking and without naming anyone.
`,
  };
}
