// The card of the country: its value, its provinces, what is assigned to no region, and every region as a table.

import { el } from "./dom.js";
import { actions, history, notes, periodFacts, showCalls, valueLine } from "./figureparts.js";
import { placeName } from "./indicators.js";
import { methodName } from "./related.js";
import { provinceTable, regionTable, unassignedList } from "./tables.js";
import { number, t } from "./texts.js";
import { weekOf } from "./timeline.js";

/** Return the card of the country: {card, said, update, detail}. */
export function overview(figures, related = null) {
  const key = figures.cube.places.CA ? "CA" : null;
  const value = key && valueLine(figures, key);
  const line = key && history(figures, [key]);
  const provinces = provinceTable(figures);
  const unassigned = unassignedList(figures);
  const regions = regionTable(figures);
  const facts = el("dl", { class: "facts" });
  const relations = el("div", { class: "relations" });
  const card = el(
    "section",
    { class: "card figures", "aria-labelledby": "figures-title" },
    el("p", { class: "eyebrow" }, `${figures.about.name} · ${figures.measure.name}`),
    el("h2", { id: "figures-title", class: "name", tabindex: "-1" }, key ? placeName(figures.places.get(key)) : figures.about.name),
    value?.element,
    line?.element,
    facts,
    relations,
    provinces.element,
    unassigned.element,
    regions.element,
    el("p", { class: "note" }, figures.about.definition),
    notes(figures.about.notes.filter((note) => note.place === null)),
    actions(),
  );
  return {
    card,
    said: (at) => `${weekOf(figures, at)}. ${figures.about.name}`,
    update(at) {
      for (const part of [value, line, provinces, regions]) part?.update(at);
    },
    /** Show the number of regions of another vintage by their relation to the regions that report. */
    relations(at) {
      if (!related) return;
      const { rows, none } = related.counts(at);
      const listed = [...rows.map(({ method, n }) => [methodName(method), n]), ...(none ? [[t("method_none"), none]] : [])];
      relations.replaceChildren(
        el("h3", {}, t("vintage_regions", { label: related.label })),
        el("dl", { class: "facts" }, listed.map(([name, n]) => el("div", {}, el("dt", {}, name), el("dd", {}, number(n))))),
        el("p", { class: "note" }, t("boundaries_why")),
      );
    },
    detail(body, at) {
      if (body.country) facts.replaceChildren(...periodFacts(figures, body.country));
      unassigned.detail(body);
      provinces.detail(body);
      showCalls(card, figures, at, related?.callOf(at));
    },
  };
}
