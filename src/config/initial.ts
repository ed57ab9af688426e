// What an initial pipeline lends to a configuration that retrains it. Knows no file: only plain data.
import type { ConfigProblem } from './problems.js';
import type { RunConfig } from './schema.js';

/** Configuration as plain data, the part that an initial pipeline decides; keys as in the file. */
export interface InitialDefaults {
  readonly representation: string;
  readonly mel?: object;
  readonly diffusion?: object;
  readonly vae?: { readonly kind: string; readonly network: object };
  readonly unet?: { readonly network?: object; readonly conditionNetwork?: object | null; readonly classTable?: string };
}

/** Reads the folder of an initial pipeline. `config` is the configuration so far, in which its networks are not known yet. */
export type ReadInitial = (folder: string, config: RunConfig) => Promise<InitialDefaults>;

/** The configuration with the initial pipeline's values wherever it does not say its own. Lists are taken whole. */
export function withInitialDefaults(raw: unknown, defaults: InitialDefaults): unknown {
  return mergeUnder(raw, defaults);
}

function mergeUnder(own: unknown, under: unknown): unknown {
  if (own === undefined) return under;
  if (!isBlock(own) || !isBlock(under)) return own;
  const keys = new Set([...Object.keys(own), ...Object.keys(under)]);
  return Object.fromEntries(Array.from(keys, (key) => [key, mergeUnder(own[key], under[key])]));
}

/** Keys that say nothing of the weights: sizes that are records, scales that are measured. */
const FREE_KEYS: ReadonlySet<string> = new Set(['sample_size', 'scaling_factor', 'shift_factor', 'latents_mean', 'latents_std', 'force_upcast', 'num_train_timesteps']);

/** Where a configuration contradicts the initial pipeline, whose weights fit no other network. */
export function initialConflicts(config: RunConfig, defaults: InitialDefaults): ConfigProblem[] {
  const fix = 'Leave it out: it is taken from initialPipeline.';
  const problems: ConfigProblem[] = [];
  if (config.representation !== defaults.representation) problems.push({ key: 'representation', got: config.representation, expected: `${defaults.representation}, as initialPipeline has`, fix });
  const compare = (block: string, own: object | null, known: object | null | undefined): void => {
    if ((own === null) !== (known === null) && known !== undefined) problems.push({ key: block, got: own === null ? 'null' : 'a network', expected: known === null ? 'null, since initialPipeline has a UNet2DModel' : 'that of initialPipeline', fix });
    for (const [key, value] of Object.entries(own === null ? {} : (known ?? {}))) {
      const got = JSON.stringify((own as Readonly<Record<string, unknown>>)[key]);
      if (!FREE_KEYS.has(key) && got !== JSON.stringify(value)) problems.push({ key: `${block}.${key}`, got, expected: `${JSON.stringify(value)}, as initialPipeline has`, fix });
    }
  };
  compare('vae.network', config.vae.network, defaults.vae?.network);
  compare('unet.network', config.unet.network, defaults.unet?.network);
  compare('unet.conditionNetwork', config.unet.conditionNetwork, defaults.unet?.conditionNetwork);
  return problems;
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
