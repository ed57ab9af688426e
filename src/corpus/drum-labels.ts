// Names of drum samples → labels, by rules. Knows no files.

/** The labels that the drum configuration trains on; the others are kept in the manifest all the same. */
export const MAIN_DRUM_LABELS = ['kick', 'snare', 'closed-hat', 'open-hat', 'tom', 'ride', 'crash', 'rim', 'clap', 'hand-drum'] as const;

interface Rule {
  readonly label: string | null;
  readonly pattern: RegExp;
}

/** A hi-hat in any of its spellings: hat, hi hat, hihat, HH, CHH. */
const HAT = String.raw`(?:hi ?hat|hat|[cop]?hh\d*)`;

/** The first rule that matches decides. Names arrive in lower case with single spaces between words. */
const RULES: readonly Rule[] = [
  { label: null, pattern: /\b(empty|loop|roll)/ },
  { label: 'shaker', pattern: /tambour|shaker|marac|cabasa|caxixi/ },
  { label: 'ride', pattern: /\bride|\bpaiste bell\b/ },
  { label: 'crash', pattern: /crash|splash|\bchina\b/ },
  { label: 'bell', pattern: /cow ?bell|agogo|triangle|\bbell\d*\b/ },
  { label: 'pedal-hat', pattern: new RegExp(`${HAT}.*(?:pedal|foot|\\bpd\\b)|(?:pedal|foot).*${HAT}|cymbal pedal`) },
  { label: 'loose-hat', pattern: new RegExp(`${HAT}.*(?:free|swish|choke)`) },
  { label: 'open-hat', pattern: new RegExp(`${HAT}.*(?:open|\\bop\\b)|(?:open|opened) ${HAT}|\\bohh|cymbal open`) },
  { label: 'closed-hat', pattern: new RegExp(`\\b${HAT}|cymbal closed`) },
  { label: 'rim', pattern: /\brim|side ?stick|\bstick/ },
  { label: 'clap', pattern: /clap|\bsnap/ },
  { label: 'kick', pattern: /kick|bass ?drum|\bbd\d*\b|drum bass/ },
  { label: 'snare', pattern: /snare|\bsn?d?\d*\b|\bsnr/ },
  { label: 'tom', pattern: /\btom|floor ?tom/ },
  { label: 'hand-drum', pattern: /conga|bongo|djembe|timbale|cajon|tabla|(?:kenkeni|sangban|dununba)/ },
  { label: 'wood', pattern: /wood|\bclaves?\b|\bclick/ },
  { label: 'cymbal', pattern: /cymbal/ },
];

/** The label that a sample's name states, or null. */
export function drumLabel(name: string): string | null {
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim();
  return RULES.find(({ pattern }) => pattern.test(words))?.label ?? null;
}

/** What each file of a hydrogen kit is called, by the kit's own description (drumkit.xml). */
export function instrumentNames(xml: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const [, block] of xml.matchAll(/<instrument>([^]*?)<\/instrument>/g)) {
    const name = decodeEntities(/<name>([^<]*)<\/name>/.exec(block)?.[1] ?? '').trim();
    for (const [, file] of block.matchAll(/<filename>([^<]*)<\/filename>/g)) {
      const base = decodeEntities(file).split('/').at(-1) ?? '';
      if (!names.has(base)) names.set(base, name);
    }
  }
  return names;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name ?? ''] ?? whole;
  });
}
