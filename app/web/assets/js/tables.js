// Tables of figures: provinces, unassigned figures, and every region as a text alternative to the map.

import { stateLink } from "./card.js";
import { boundsOf, classOf, colourOf } from "./classes.js";
import { el, icon } from "./dom.js";
import { placeName } from "./indicators.js";
import { formatted, percent, period, t } from "./texts.js";

/** Return a cell that shows the value of a place at a step. */
function valueCell(figures, key) {
  const cell = el("td", { class: "number" });
  return {
    cell,
    update(at) {
      const value = figures.value(key, at);
      const bounds = boundsOf(figures);
      const name = value === null ? "class-hatch" : colourOf(classOf(value, bounds), bounds);
      cell.replaceChildren(
        el("span", { class: value === null ? "missing" : "" }, value === null ? figures.statusName(figures.status(key, at)) : formatted(value)),
        el("i", { class: `swatch ${name}` }),
      );
    },
  };
}

const link = (place) => stateLink({ place: place.place }, { class: "region-link" }, placeName(place));

/** Return the provinces with their values: {element, update, detail}. */
export function provinceTable(figures) {
  const rows = figures.byKind("province").map((place) => ({ place, ...valueCell(figures, place.place) }));
  if (!rows.length) return { element: null, update() {}, detail() {} };
  const reported = new Map(rows.map((row) => [row.place.place, el("small", {})]));
  const element = el(
    "table",
    { class: "values" },
    el("caption", { class: "visually-hidden" }, t("provinces_table")),
    el("thead", { class: "visually-hidden" }, el("tr", {}, el("th", { scope: "col" }, t("province")), el("th", { scope: "col" }, figures.measure.name))),
    el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row" }, link(row.place), reported.get(row.place.place)), row.cell))),
  );
  return {
    element,
    update: (at) => rows.forEach((row) => row.update(at)),
    /** Show the last report of provinces that reported before the shown day. */
    detail(body) {
      for (const [key, element] of reported) {
        const figure = body.provinces[key];
        const late = figure?.reported_on && figure.reported_on < body.on;
        element.textContent = late ? t("reported_before", { day: period(figure.reported_on) }) : "";
      }
    },
  };
}

/** Return the figures that provinces assign to no region: counts, and their share of the province. */
export function unassignedList(figures) {
  const list = el("ul", { class: "shares" });
  const element = el("div", { class: "unassigned" }, el("h3", {}, t("unassigned")), list, el("p", { class: "note" }, t("unassigned_why")));
  return {
    element,
    detail(body) {
      const rows = Object.entries(body.unassigned).filter(([, part]) => (part.count ?? part.v) !== null);
      element.hidden = !rows.length;
      list.replaceChildren(
        ...rows
          .sort(([, a], [, b]) => (b.share_of_province ?? 0) - (a.share_of_province ?? 0))
          .map(([province, part]) => {
            const share = part.share_of_province;
            const place = figures.places.get(`${province}-9999`);
            return el(
              "li",
              { class: "share" },
              el("div", { class: "what" }, place ? stateLink({ place: place.place }, { class: "region-link" }, figures.places.get(province)?.name ?? province) : province, el("small", {}, countText(figures, part.count ?? part.v))),
              share !== null && share >= 0 && el("span", { class: "number" }, percent(Math.min(share, 1))),
              share !== null && share >= 0 && el("progress", { max: "1", value: String(Math.min(share, 1)), "aria-hidden": "true" }),
            );
          }),
      );
    },
  };
}

/** Return a count in words; a measure of 7 days says so. */
const countText = (figures, count) => (/_7d$/.test(figures.cube.measure) ? t("in_7_days", { count: formatted(count) }) : formatted(count));

/** Return a table of every region; its rows are created when it is opened. */
export function regionTable(figures) {
  let rows = null;
  let at = 0;
  const element = el("details", { class: "regions-table" }, el("summary", {}, icon("chevron"), t("regions_table")));
  element.addEventListener("toggle", () => {
    if (!element.open || rows) return;
    rows = [...figures.byKind("region"), ...figures.byKind("site")].map((place) => ({ place, ...valueCell(figures, place.place) }));
    element.append(
      el(
        "table",
        { class: "values" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("region")), el("th", { scope: "col" }, figures.measure.unit))),
        el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row" }, link(row.place), el("small", {}, row.place.province ?? "")), row.cell))),
      ),
    );
    rows.forEach((row) => row.update(at));
  });
  return {
    element,
    update(step) {
      at = step;
      if (element.open) rows?.forEach((row) => row.update(at));
    },
  };
}
