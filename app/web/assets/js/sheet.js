// Bottom sheet of the card on a phone: low, half or full. On a wide screen the card is part of the panel.

import { $ } from "./dom.js";
import { t } from "./texts.js";

const SIZES = { low: 0.2, half: 0.46, full: 0.86 };
const sheet = $("sheet");
const button = $("sheet-toggle");
let size = "low";

/** Return the lower edge of the search in pixels. */
export const topHeight = () => Math.round($("top").getBoundingClientRect().bottom);
export const sheetHeight = () => Math.round(innerHeight * SIZES[size === "full" ? "half" : size]);

/** Set the size of the sheet; a sheet that the reader opened in full stays full. */
export function openSheet(wanted, { byReader = false } = {}) {
  if (size === "full" && !byReader) return;
  size = wanted;
  sheet.dataset.size = size;
  button.setAttribute("aria-expanded", String(size === "full"));
  button.setAttribute("aria-label", t(size === "full" ? "sheet_less" : "sheet_more"));
}

/** Attach the listeners of the handle: tap, key, drag. */
export function startSheet() {
  let from = null;
  // A full sheet ends below the search, whose height depends on its words.
  new ResizeObserver(() => sheet.style.setProperty("--top-height", `${topHeight()}px`)).observe($("top"));
  button.addEventListener("click", () => {
    if (from === "dragged") from = null;
    else openSheet(size === "full" ? "half" : "full", { byReader: true });
  });
  button.addEventListener("pointerdown", (event) => {
    from = event.clientY;
    button.setPointerCapture(event.pointerId);
  });
  button.addEventListener("pointermove", (event) => {
    if (typeof from !== "number" || Math.abs(event.clientY - from) < 24) return;
    const order = Object.keys(SIZES);
    const next = order.indexOf(size) + (event.clientY < from ? 1 : -1);
    from = "dragged";
    openSheet(order[Math.min(2, Math.max(0, next))], { byReader: true });
  });
  openSheet("low", { byReader: true });
}
