// Light or dark: as the system says, until the reader says otherwise.

import { $ } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

/** Make the switch work; `changed` is told when the palette is another. */
export function startTheme(changed) {
  const button = $("theme");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // A browser that keeps nothing still switches.
    }
    show();
    changed();
  });
  system.addEventListener("change", () => {
    if (!root.dataset.theme) changed();
    show();
  });
  show();
}
