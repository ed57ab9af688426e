// Says in words what the numbers of a set of clips mean, the worst first.
import type { MemorisationReport } from './memorisation.js';
import type { Score, SetReport } from './set-report.js';

export interface Finding {
  /** Whether it is a fault; else it is said because it is good to know. */
  readonly isFault: boolean;
  readonly text: string;
}

/** What a reader should know first. Never empty. */
export function findingsOf({ silentShare, kernelDistance, frechetDistance, textureDb, diversity, counts }: SetReport, memorisation: MemorisationReport | null): Finding[] {
  const findings: Finding[] = [];
  const fault = (text: string): void => void findings.push({ isFault: true, text });
  const note = (text: string): void => void findings.push({ isFault: false, text });
  if (silentShare.clips > silentShare.real) fault(`${percent(silentShare.clips)} of the clips are silent; of the real ones ${percent(silentShare.real)} are.`);
  if (memorisation !== null && memorisation.copiedShare > 0.05) {
    fault(`${percent(memorisation.copiedShare)} of the clips are as near to a training clip as only 1 % of real clips are: copies, or nearly. Listen to the pairs.`);
  }
  if (diversity.repeatedShare > 0.1) fault(`${percent(diversity.repeatedShare)} of the clips repeat another one of the set.`);
  const { effectiveCount: { clips, real }, countedClips } = diversity;
  if (real !== null && clips < 0.6 * real) fault(`The ${countedClips} clips are worth ${clips.toFixed(1)} different ones; as many real ones are worth ${real.toFixed(1)}: too much alike.`);
  const { withinLabel } = diversity;
  if (withinLabel.clips !== null && withinLabel.real !== null && withinLabel.clips < 0.7 * withinLabel.real) {
    fault(`Clips of one label differ ${percent(withinLabel.clips / withinLabel.real)} as much as real ones do: too much alike. Of a model, a lower guidance makes them more varied.`);
  }
  if (textureDb.clips.median < 0.75 * textureDb.real.median) {
    fault(`The clips are smoother than real sounds: ${textureDb.clips.median.toFixed(1)} dB of fine texture, where real ones have ${textureDb.real.median.toFixed(1)}. Of a model, \`reconstruct\` says whether its autoencoder smooths.`);
  }
  if (isBeyondReal(kernelDistance)) {
    const isFrechetToo = isBeyondReal(frechetDistance);
    fault(`As a set, the clips can be told from real ones: kernel audio distance ${kernelDistance.value.toFixed(2)}, where as many real clips score up to ${kernelDistance.sameCount?.high.toFixed(2)}${isFrechetToo ? '; the Fréchet distance says the same' : '; the Fréchet distance does not see it'}.`);
  } else if (kernelDistance.sameCount !== null) {
    note(`As a set, the clips can't be told from as many real ones by the kernel audio distance.`);
  }
  if (kernelDistance.heldOut !== null && isBeyond(kernelDistance.heldOut, kernelDistance)) {
    note(`The held-out real clips themselves are unlike the training clips (kernel audio distance ${kernelDistance.heldOut.toFixed(2)}): a score near that is what another recording of the same things has.`);
  }
  if (counts.clips < 50) note(`${counts.clips} clips are few: read each score beside its references, not by itself.`);
  return findings.length === 0 ? [{ isFault: false, text: 'Nothing stands out.' }] : findings;
}

function isBeyondReal(score: Score): boolean {
  return isBeyond(score.value, score) && (score.interval === null || score.interval[0] > 0);
}

function isBeyond(value: number, { sameCount }: Score): boolean {
  return sameCount !== null && value > sameCount.high;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}
