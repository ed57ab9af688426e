// Names that older versions of the reference gave to parameters; published weights still carry them.

const RENAMED: Readonly<Record<string, string>> = { query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' };

/**
 * The name of today for a name in a file of weights; any other name is kept. Published autoencoders of Stable Diffusion 1.x, and
 * early UNets with plain attention, need it.
 *
 * Source: diffusers 0.42, which renames the same ones when it loads a model.
 */
export function currentParameterName(name: string): string {
  return name.replace(/(?<=\.attentions\.\d+\.)(query|key|value|proj_attn)(?=\.(weight|bias)$)/, (old) => RENAMED[old]);
}
