// Parts that the cards of figures share: value line, chart, facts, notes, buttons.

import { chart } from "./chart.js";
import { boundsOf, classOf, colourOf } from "./classes.js";
import { callBox } from "./curl.js";
import { el, icon } from "./dom.js";
import { callOn, placeName } from "./indicators.js";
import { linkButtons } from "./link.js";
import { turnTo } from "./timeline.js";
import { formatted, language, number, period, t } from "./texts.js";

/** Line patterns of compared places: lines differ without colour too. */
export const DASHES = ["none", "7 3", "2 3", "9 3 2 3"];

const WITH_COUNT = new Set(["reported", "carried", "unassigned", "estimated"]);

/** Return the value of a place at a step with its class. */
export function valueLine(figures, key) {
  const value = el("span", { class: "figure-value" });
  const unit = el("span", { class: "figure-unit" });
  const swatch = el("i", { class: "swatch" });
  return {
    element: el("p", { class: "figure" }, swatch, value, unit),
    update(at) {
      const shown = figures.value(key, at);
      const bounds = boundsOf(figures);
      value.textContent = shown === null ? figures.statusName(figures.status(key, at)) : formatted(shown);
      value.classList.toggle("missing", shown === null);
      unit.textContent = shown === null ? "" : figures.measure.unit;
      swatch.className = `swatch ${shown === null ? "class-hatch" : colourOf(classOf(shown, bounds), bounds)}`;
    },
  };
}

/** Return the chart of places over the whole time. */
export function history(figures, keys) {
  const lines = keys.map((key, index) => ({ values: figures.cube.places[key], colour: `cat-${index + 1}`, dash: DASHES[index] }));
  const drawn = chart({ lines, days: figures.days, label: t("chart_label", { name: keys.map((key) => placeName(figures.places.get(key))).join(", ") }), onPick: turnTo });
  const reasons = gapReasons(figures, keys);
  const note = reasons.length ? el("figcaption", {}, t("chart_gaps", { statuses: reasons.join(", ") })) : null;
  return { element: el("figure", { class: "history" }, drawn.element, note), update: drawn.mark };
}

/** Return why values of places are missing, each reason once. A correction below 0 is reported, and has no rate. */
function gapReasons(figures, keys) {
  const statuses = keys.flatMap((key) => figures.cube.places[key].flatMap((value, step) => (value === null ? [figures.status(key, step)] : [])));
  return [...new Set(statuses.map((status) => (WITH_COUNT.has(status) ? t("gap_without_rate") : figures.statusName(status))))];
}

/** Return the name of a place's province; "" for a province and the country. */
export const provinceOf = (figures, place) => (place.kind === "province" || place.kind === "country" ? "" : (figures.places.get(place.province)?.name ?? ""));

/** Return the facts of a figure: period, day of the report, count, population. */
export function periodFacts(figures, figure) {
  const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const rate = figures.cube.measure.startsWith("rate");
  return [
    figure.from && fact(t("period"), period(figure.from, figure.to)),
    figure.reported_on && fact(t("reported_on"), period(figure.reported_on)),
    rate && figure.count !== null && figure.count !== undefined && fact(t("count"), formatted(figure.count)),
    figure.population && fact(t("population_of", { year: figure.population_year }), number(figure.population)),
  ].filter(Boolean);
}

/** Return the notes of the source; null where it has none. */
export function notes(listed) {
  if (!listed.length) return null;
  return el(
    "details",
    { class: "notes" },
    el("summary", {}, icon("chevron"), t("notes", { n: listed.length })),
    el(
      "ul",
      {},
      listed.map((note) =>
        el(
          "li",
          {},
          el("small", {}, daysOf(note)),
          el("p", { lang: note.language === language ? null : note.language }, note.text),
          note.url?.startsWith("https://") && el("a", { href: note.url, rel: "noreferrer" }, t("note_source")),
        ),
      ),
    ),
  );
}

/** Return the days of a note; either end may be open. */
function daysOf({ from, to }) {
  if (from && to) return period(from, to);
  if (from) return t("since", { day: period(from) });
  return to ? t("until", { day: period(to) }) : "";
}

/** Return the buttons of a card, and an empty box for its API calls. */
export function actions() {
  const csv = el("a", { class: "quiet figures-csv", download: "" }, icon("download"), t("figures_csv"));
  return [el("div", { class: "actions" }, linkButtons(), csv), el("div", { class: "figures-calls" })];
}

/** Show the API calls of a step; `related` is that of the health regions of a vintage. */
export function showCalls(card, figures, at, related = null) {
  const call = callOn(figures, at);
  card.querySelector(".figures-csv").href = call.url.replace("/map?", "/map.csv?");
  const box = card.querySelector(".figures-calls");
  if (!box.querySelector("details[open]")) box.replaceChildren(callBox(...[call, related, figures.call].filter(Boolean)));
}
