// Controls of the panel: layer, vintage, comparison, indicator, measure, language.

import { NOTHING } from "./card.js";
import { $, el } from "./dom.js";
import * as vintages from "./vintages.js";
import { chosen, indicators } from "./indicators.js";
import { carry, current, go } from "./state.js";
import { t } from "./texts.js";

const vintageMenu = $("vintage");
const compare = $("compare");
const indicator = $("indicator");
const measure = $("measure");
const boundaries = $("boundaries");

/** Attach the listeners of the controls. */
export function startControls() {
  for (const radio of document.querySelectorAll("input[name=layer]")) {
    radio.addEventListener("change", () => {
      if (radio.value === "figures") go({ ...NOTHING, vintage: null, fsa_vintage: null, layer: "figures", map: null });
      else go({ layer: radio.value, place: null });
    });
  }
  indicator.addEventListener("change", () => {
    const [first] = indicators();
    go({ indicator: indicator.value === first.id ? null : indicator.value, measure: null });
  });
  measure.addEventListener("change", () => {
    const { listed } = chosen(current());
    go({ measure: measure.value === listed?.default_measure ? null : measure.value });
  });
  boundaries.addEventListener("change", () => go({ boundaries: boundaries.value || null, place: null, map: null }));
  vintageMenu.addEventListener("change", () => {
    const { layer, compare: other } = current();
    const label = vintageMenu.value;
    const key = layer === "fsa" ? "fsa_vintage" : "vintage";
    // A vintage is not compared with itself.
    const compared = key === "vintage" && other === label ? null : other;
    go({ [key]: vintages.inForce(layer)?.label === label ? null : label, compare: compared });
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

/** Return the change that compares the shown vintage with the one before it; the first vintage with the one after it. */
function comparison(state) {
  const all = vintages.of("health-regions");
  const at = all.indexOf(vintages.shown("health-regions", state));
  if (all[at + 1]) return { compare: all[at + 1].label };
  return { vintage: all[at - 1].label, compare: all[at].label };
}

/** Show a state in the controls. */
export function showControls(state) {
  document.querySelector(`input[name=layer][value="${state.layer}"]`).checked = true;
  const figures = state.layer === "figures";
  $("layer-figures").hidden = !indicators().length;
  $("figures-menus").hidden = !figures;
  $("vintage-menu").hidden = figures;
  $("question").textContent = t(figures ? "question_figures" : "question");
  if (figures) {
    showMenus(state);
    return;
  }
  const all = vintages.of(state.layer);
  const shown = vintages.shown(state.layer, state);
  vintageMenu.replaceChildren(
    ...all.map((vintage) => el("option", { value: vintage.label, selected: vintage === shown }, vintage.label)),
  );
  vintageMenu.disabled = all.length < 2;
  compare.hidden = vintages.of("health-regions").length < 2 || state.layer === "fsa";
  compare.setAttribute("aria-pressed", String(Boolean(state.compare)));
  const about = state.layer === "fsa" || state.fsa || state.region || state.at ? ["health-regions", "fsa"] : ["health-regions"];
  const used = about.map((coverage) => vintages.shown(coverage, state)).filter(Boolean);
  $("demo").hidden = !used.some((vintage) => vintage.demo);
  showSources(used.map((vintage) => vintage.attribution));
}

function showSources(attributions) {
  const sources = [...new Set(attributions)].join(" ");
  for (const id of ["sources", "sheet-sources"]) $(id).textContent = sources;
  document.title = t("title");
}

/** Show the indicators, the measures of the one that is shown, and the sources of its figures and boundaries. */
function showMenus(state) {
  const { listed, measure: shown } = chosen(state);
  indicator.replaceChildren(...indicators().map((entry) => el("option", { value: entry.id, selected: entry === listed }, entry.name)));
  measure.replaceChildren(...(listed?.measures ?? []).map((option) => el("option", { value: option.id, selected: option.id === shown }, option.name)));
  const others = listed?.coverage ? vintages.of("health-regions") : [];
  $("boundaries-menu").hidden = !others.length;
  boundaries.replaceChildren(
    el("option", { value: "" }, t("boundaries_reporting")),
    ...others.map((vintage) => el("option", { value: vintage.label, selected: vintage.label === state.boundaries }, t("boundaries_vintage", { label: vintage.label }))),
  );
  compare.hidden = true;
  const related = listed?.coverage ? vintages.labelled("health-regions", state.boundaries) : null;
  const vintage = related ?? (listed?.coverage ? vintages.labelled(listed.coverage, listed.vintage) : null);
  $("demo").hidden = !vintage?.demo;
  showSources([listed && t("source_figures", { attribution: listed.attribution }), vintage && t("source_boundaries", { attribution: vintage.attribution })].filter(Boolean));
}
