// Builds parts of a page. Text is only ever set as text.

type Attributes = Readonly<Record<string, string | boolean | ((event: Event) => void)>>;

/** An element with attributes (true: present, false: absent; functions: listeners under `on…`) and children. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: readonly (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

/** A key as it is shown on a button. Screen readers get it by `aria-keyshortcuts` instead. */
export function keyHint(key: string): HTMLElement {
  return element('kbd', { 'aria-hidden': 'true' }, key);
}
