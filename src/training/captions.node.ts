// What a UNet that attends to text is trained on: the text parts, and the states of every slice's caption.
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import type { RunConfig } from '../config/run-config.js';
import { readText } from '../pipeline/text-folder.node.js';
import type { TextConditioner } from '../pipeline/text.js';
import { openCaptionCache } from './caption-cache.node.js';
import { validationSplit, type SliceSource, type Split } from './corpus-source.js';
import type { InitialWeights } from './initial.node.js';
import type { CaptionSource } from './unet-stage.js';

/** Memory: dispose frees the text encoder and closes the cache. */
export interface Captions {
  readonly text: TextConditioner;
  readonly source: CaptionSource;
  /** Changes with the encoder, the tokenizer and the captions. */
  readonly key: string;
  dispose(): void;
}

export interface CaptionsOptions {
  readonly config: RunConfig;
  readonly corpus: SliceSource;
  readonly runFolder: string;
  readonly initial: InitialWeights | null;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Reads the text parts and every caption, or the empty one where the corpus has none. Null where there is no text encoder and no
 * caption that would need one; 'interrupted' when the signal came meanwhile.
 *
 * @throws MelstromError when captions are to be read and nothing reads them
 */
export async function openCaptions({ config, corpus, runFolder, initial, reporter, signal }: CaptionsOptions): Promise<Captions | null | 'interrupted'> {
  const text = await openText(config, initial);
  const captions = { train: corpus.captionsOf?.('train') ?? null, validation: corpus.captionsOf?.('validation') ?? null };
  if (text === null && config.corpus.captionColumn === null) return null;
  if (text === null) throw noEncoder(config);
  try {
    const all = [...(captions.train ?? []), ...(captions.validation ?? [])];
    const cache = await openCaptionCache({ path: join(runFolder, 'state', 'captions.f32'), text, captions: all, reporter, signal });
    if (cache === null) {
      text.encoder.dispose();
      return 'interrupted';
    }
    const described = captions.train?.filter((caption) => caption !== '').length ?? 0;
    reporter.log.info(`captions: ${described} of ${corpus.sliceCount('train')} training slices have one, ${new Set(all).size} different ones`);
    const captionOf = (split: Split, index: number | null): string => (index === null ? '' : (captions[split]?.[index] ?? ''));
    const source: CaptionSource = {
      dropout: config.unet.captionDropout,
      validationSplit: validationSplit(corpus),
      states: (split, indices) => cache.states(indices.map((index) => captionOf(split, index))),
    };
    const dispose = (): void => {
      cache.close();
      text.encoder.dispose();
    };
    return { text, source, key: cache.key, dispose };
  } catch (error) {
    text.encoder.dispose();
    throw error;
  }
}

async function openText({ unet }: RunConfig, initial: InitialWeights | null): Promise<TextConditioner | null> {
  return unet.textEncoder === null ? ((await initial?.readText()) ?? null) : readText(unet.textEncoder);
}

function noEncoder({ initialPipeline }: RunConfig): MelstromError {
  return new MelstromError({
    kind: 'configuration', where: 'unet.textEncoder', got: initialPipeline === null ? 'null' : `null, and no CLIP text encoder in ${initialPipeline}`,
    expected: 'a folder with text_encoder/ and tokenizer/, since there are captions to read', fix: 'Name the folder of a model that has them, such as Stable Diffusion 1.x as the diffusers library saves it.',
  });
}
