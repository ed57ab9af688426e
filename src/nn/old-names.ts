// Names that parameters had in older files of the reference, and what they are called now. Knows no network, only what a tree lacks.
import type { ParameterTree } from './parameters.js';
import { renamedSource, type TensorSource } from './tensor-source.js';

/** Attention before the reference gave all its attentions one layout: old name → new. */
const OLD_ATTENTION: Readonly<Record<string, string>> = Object.freeze({ query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' });
const OLD_NAME = /^(.+)\.(query|key|value|proj_attn)\.(weight|bias)$/;
/** Tables of positions that older text encoders store and nobody reads: 0, 1, 2 … */
const TABLE_OF_POSITIONS = /(^|\.)position_ids$/;

/**
 * The source under the names of today: `query`, `key`, `value` and `proj_attn` of an attention become `to_q`, `to_k`, `to_v` and
 * `to_out.0` where the tree has those and not the old ones, and tables of positions are passed over.
 *
 * Source: diffusers 0.42, ModelMixin: the conversion of deprecated attention blocks.
 */
export function withCurrentNames(source: TensorSource, tree: Pick<ParameterTree, 'has'>): TensorSource {
  return renamedSource(source, (name) => {
    if (tree.has(name)) return name;
    if (TABLE_OF_POSITIONS.test(name)) return null;
    const [, block, old, kind] = OLD_NAME.exec(name) ?? [];
    const current = old === undefined ? name : `${block}.${OLD_ATTENTION[old]}.${kind}`;
    return tree.has(current) && !source.entries.has(current) ? current : name;
  });
}
