// DOM helpers. Text is set as text nodes, so that names in the data are never parsed as markup.

export const $ = (id) => document.getElementById(id);

/** Make an element. Attributes named on… are listeners; null and false leave an attribute or a child out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Return a symbol of the sprite in the page. It is hidden from screen readers; the words beside it are read. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Announce a text to screen readers without moving the focus. */
export function announce(text) {
  const place = $("announcer");
  place.textContent = "";
  // Screen readers ignore a text that equals the one before.
  requestAnimationFrame(() => (place.textContent = text));
}
