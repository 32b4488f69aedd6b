// Elements by id, and elements made from words.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; text is always text. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function icon(name) {
  return draw("svg", { "aria-hidden": "true" }, draw("use", { href: `#${name}` }));
}

/** Say that a button shows what is open, or that it does not. */
export function showsOpen(button, is) {
  if (is) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
}

/** Give a list one row for each key, in order; `row(key)` makes those that are new, and the others stay: one that was
 * replaced between press and release would lose the click. Where the row with the focus goes, the focus passes to the one
 * that moves up, or `otherwise` to this element. */
export function rows(list, keys, row, otherwise = null) {
  const focus = document.activeElement;
  const at = [...list.children].findIndex((one) => one.contains(focus));
  const button = at < 0 ? 0 : [...list.children[at].querySelectorAll("button")].indexOf(focus);
  const wanted = new Set(keys);
  for (const one of [...list.children]) if (!wanted.has(one.key)) one.remove();
  const known = new Map([...list.children].map((one) => [one.key, one]));
  for (const [place, key] of keys.entries()) {
    const one = known.get(key) ?? Object.assign(row(key), { key });
    if (list.children[place] !== one) list.insertBefore(one, list.children[place] ?? null);
  }
  if (at < 0 || focus === document.activeElement) return;
  const heir = focus.isConnected ? focus : list.children[Math.min(at, keys.length - 1)]?.querySelectorAll("button")[button];
  (heir ?? otherwise)?.focus();
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
