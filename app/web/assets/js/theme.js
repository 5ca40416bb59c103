// Theme switch: light or dark. The system's theme applies until the reader chooses.

import { $ } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

/** Attach the listener of the switch; `changed` is called after a change of the palette. */
export function startTheme(changed) {
  const button = $("theme");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // Without storage the switch still works for this page.
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
