// On a phone the card is a sheet at the bottom: low, half or full. On a wide screen it is a part of the panel.

import { $ } from "./dom.js";
import { t } from "./texts.js";

const SIZES = { low: 0.2, half: 0.46, full: 0.86 };
const sheet = $("sheet");
const button = $("sheet-toggle");
let size = "low";

/** How far down the search reaches, in pixels. */
export const topHeight = () => Math.round($("top").getBoundingClientRect().bottom);
export const sheetHeight = () => Math.round(innerHeight * SIZES[size === "full" ? "half" : size]);

/** Give the sheet a size; one that the reader has opened in full stays so. */
export function openSheet(wanted, { byReader = false } = {}) {
  if (size === "full" && !byReader) return;
  size = wanted;
  sheet.dataset.size = size;
  button.setAttribute("aria-expanded", String(size === "full"));
  button.setAttribute("aria-label", t(size === "full" ? "sheet_less" : "sheet_more"));
}

/** Make the handle work: a tap, a key, or a drag. */
export function startSheet() {
  let from = null;
  // Opened in full it ends below the search, which is as high as its words need.
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
