// Clipboard: the link to a state, and buttons that copy text.

import { announce, el, icon } from "./dom.js";
import { current, fragment } from "./state.js";
import { language, t } from "./texts.js";

/** Return the link to the current state. It includes the position and the map's view, because the reader copies it on purpose. */
export function link() {
  const all = fragment(current(), { all: true });
  return `${location.origin}${location.pathname}?lang=${language}${all ? `#${all}` : ""}`;
}

/** Return a button that copies the text that a function returns. */
export function copyButton(text, label, attributes = {}) {
  const words = el("span", {}, label);
  const button = el("button", { type: "button", class: "quiet", ...attributes }, icon("copy"), words);
  button.addEventListener("click", async () => {
    const done = await copy(text());
    words.textContent = t(done ? "copied" : "copy_failed");
    button.classList.toggle("done", done);
    announce(words.textContent);
    setTimeout(() => {
      words.textContent = label;
      button.classList.remove("done");
    }, 2000);
  });
  return button;
}

export const linkButton = () => copyButton(link, t(current().at ? "copy_link_position" : "copy_link"));

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS there is no clipboard API: copy by a selection.
    const area = el("textarea", { class: "visually-hidden", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
