// Links to a state: copied, shared, or in the code of a frame; and buttons that copy text.

import { announce, el, icon } from "./dom.js";
import { current, embedded, fragment } from "./state.js";
import { language, t } from "./texts.js";

/**
 * Return the link to the current state. It includes the position and the map's view, because the reader copies it on purpose.
 *
 * From a frame it leads to the whole page: the address of a frame has no position.
 */
export function link() {
  const all = fragment(current(), { all: true });
  return `${location.origin}${embedded ? "/" : location.pathname}?lang=${language}${all ? `#${all}` : ""}`;
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

/**
 * Return the buttons of a card that copy its link, share it with other programs, and copy the code of a frame with the map.
 *
 * A link is shared without the position and the map's view: only the button that says so includes them.
 */
export function linkButtons() {
  if (current().at) return copyButton(link, t("copy_link_position"));
  return [
    navigator.share && el("button", { type: "button", class: "quiet", onclick: share }, icon("share"), t("share")),
    copyButton(link, t("copy_link")),
    !embedded && copyButton(frame, t("copy_embed")),
  ];
}

/** Return the address of a page with the current state, without position and view. */
export function publicLink(path = "/") {
  const state = fragment(current());
  return `${location.origin}${path}?lang=${language}${state ? `#${state}` : ""}`;
}

/** Return the address of the page of the region or FSA that is the whole state: programs can preview it, but no fragment. Else null. */
export function pageLink() {
  const { region, fsa, ...others } = Object.fromEntries(new URLSearchParams(fragment(current())));
  if (Object.keys(others).length) return null;
  const path = region ? `/health-regions/${region}.html` : fsa ? `/fsa/${fsa}.html` : null;
  return path && `${location.origin}${path}?lang=${language}`;
}

async function share() {
  try {
    await navigator.share({ title: document.title, url: pageLink() ?? publicLink() });
  } catch (error) {
    // The reader closed the dialog.
    if (error.name !== "AbortError") announce(t("copy_failed"));
  }
}

const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

const frame = () =>
  `<iframe src="${attribute(publicLink("/embed"))}" title="${attribute(document.title)}" width="100%" height="480" style="border: 0" loading="lazy"></iframe>`;

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
