// Names of generated files: safe on every file system for any label text, and never the same for two clips of one request.

const UNSAFE = /[\p{C}\p{Zl}\p{Zp}<>:"/\\|?*%]+/gu;
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/i;
const MAX_LABEL_BYTES = 120;
const UNLABELLED = 'unlabelled';
const CHARACTERS = new Intl.Segmenter();
const ENCODER = new TextEncoder();

/** A label as the beginning of a file name: readable, in any script, without what some file system refuses. */
export function safeLabel(label: string): string {
  const text = label.normalize('NFC').replace(UNSAFE, '-').replace(/\s+/gu, '-').replace(/-{2,}/g, '-').replace(/^[-.]+|[-.]+$/g, '');
  const short = truncate(text).replace(/[-.]+$/g, '');
  if (short === '') return 'label';
  return RESERVED.test(short) ? `${short}-` : short;
}

/** Safe names of labels, distinct also where case is not told apart. */
export function safeLabels(labels: readonly string[]): string[] {
  const taken = new Set([UNLABELLED]);
  return labels.map((label) => {
    const base = safeLabel(label);
    let name = base;
    for (let attempt = 2; taken.has(name.toLowerCase()); attempt += 1) name = `${base}~${attempt}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** What the names of a request depend on. */
export interface NamedRequest {
  readonly seeds: readonly number[];
  /** Per clip; null for none. */
  readonly labels: readonly (number | null)[];
  /** Per clip; names those that have no label. */
  readonly prompts?: readonly string[];
}

/** The base names of a request's clips, such as `kick-0001-seed42`, counted per label or prompt. */
export function clipNames(labelTexts: readonly string[], { seeds, labels, prompts = [] }: NamedRequest): string[] {
  const words = [...new Set(prompts.filter((prompt, index) => prompt.trim() !== '' && labels[index] === null))];
  const safe = safeLabels([...labelTexts, ...words]);
  const counts = new Map<string, number>();
  return seeds.map((seed, index) => {
    const label = labels[index];
    const word = words.indexOf(prompts[index]);
    const name = label !== null ? safe[label] : word < 0 ? UNLABELLED : safe[labelTexts.length + word];
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return `${name}-${String(count).padStart(4, '0')}-seed${seed}`;
  });
}

/** Cuts at a whole character, so that the UTF-8 name stays within what file systems take. */
function truncate(text: string): string {
  let bytes = 0;
  let kept = '';
  for (const { segment } of CHARACTERS.segment(text)) {
    bytes += ENCODER.encode(segment).length;
    if (bytes > MAX_LABEL_BYTES) break;
    kept += segment;
  }
  return kept;
}
