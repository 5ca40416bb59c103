// The switches: which layer, which edition, what it is compared with, and the other language.

import { NOTHING } from "./card.js";
import { $, el } from "./dom.js";
import * as editions from "./editions.js";
import { carry, current, go } from "./state.js";
import { t } from "./texts.js";

const select = $("edition");
const compare = $("compare");

/** Make the switches work. */
export function startControls() {
  for (const radio of document.querySelectorAll("input[name=layer]")) {
    radio.addEventListener("change", () => go({ layer: radio.value }));
  }
  select.addEventListener("change", () => {
    const { layer, compare: other } = current();
    const label = select.value;
    const key = layer === "fsa" ? "fsa_vintage" : "vintage";
    // An edition is not compared with itself.
    const compared = key === "vintage" && other === label ? null : other;
    go({ [key]: editions.inForce(layer)?.label === label ? null : label, compare: compared });
  });
  compare.addEventListener("click", () => {
    const state = current();
    go(state.compare ? { compare: null, map: null } : { ...NOTHING, ...comparison(state), map: null });
  });
  for (const link of document.querySelectorAll("a[data-language]")) {
    link.addEventListener("click", () => {
      link.href = `?lang=${link.dataset.language}${location.hash}`;
      carry();
    });
  }
}

/** Return what to compare: the edition that is shown with the one before it; the first one with the one after. */
function comparison(state) {
  const all = editions.of("health-regions");
  const at = all.indexOf(editions.shown("health-regions", state));
  if (all[at + 1]) return { compare: all[at + 1].label };
  return { vintage: all[at - 1].label, compare: all[at].label };
}

/** Show a state in the switches. */
export function showControls(state) {
  document.querySelector(`input[name=layer][value="${state.layer}"]`).checked = true;
  const all = editions.of(state.layer);
  const shown = editions.shown(state.layer, state);
  select.replaceChildren(
    ...all.map((one) => el("option", { value: one.label, selected: one === shown }, one.label)),
  );
  select.disabled = all.length < 2;
  compare.hidden = editions.of("health-regions").length < 2 || state.layer === "fsa";
  compare.setAttribute("aria-pressed", String(Boolean(state.compare)));
  const about = state.layer === "fsa" || state.fsa || state.region || state.at ? ["health-regions", "fsa"] : ["health-regions"];
  const used = about.map((coverage) => editions.shown(coverage, state)).filter(Boolean);
  $("demo").hidden = !used.some((one) => one.demo);
  const sources = [...new Set(used.map((one) => one.attribution))].join(" ");
  for (const id of ["sources", "sheet-sources"]) $(id).textContent = sources;
  document.title = t("title");
}
