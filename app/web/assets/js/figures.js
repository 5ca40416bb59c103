// The cards of figures: the country with its provinces, one place, or up to four places compared.

import { sendOnce, calls } from "./api.js";
import { callBox } from "./call.js";
import { head } from "./card.js";
import { chart } from "./chart.js";
import { paintOf, classOf, boundsOf, colourOf } from "./classes.js";
import { el, icon } from "./dom.js";
import { callOn, detailsOn, figureIn, figuresOf, notesOf, placeName } from "./indicators.js";
import { linkButton } from "./link.js";
import { provinceTable, regionTable, unassignedList } from "./tables.js";
import { current, go } from "./state.js";
import { showTimeline, turnTo, weekOf } from "./timeline.js";
import { formatted, language, number, percent, period, t } from "./texts.js";

const DETAILS_MS = 200;
const MOST = 4;
const DASHES = ["none", "7 3", "2 3", "9 3 2 3"];

/** Return the card of a state's figures: {card, drawn, said, fit, update}. `update` shows another day in place. Raises: Problem. */
export async function figuresCard(state) {
  const figures = await figuresOf(state);
  const keys = figures.shown(state);
  const made = keys.length > 1 ? comparison(figures, keys) : keys.length ? single(figures, keys[0]) : overview(figures);
  const fit = keys.length === 1 ? await boxOf(figures, keys[0]) : null;
  let at = -1;
  let waiting = null;

  function update(next) {
    at = figures.stepOf(next.on);
    showTimeline(figures, at);
    made.update(at);
    clearTimeout(waiting);
    // A slider that moves asks for no period and population of every week it passes.
    waiting = setTimeout(() => detail(at), DETAILS_MS);
    return { figures: scene(figures, keys, at) };
  }

  async function detail(step) {
    // A card without its period and population is a card all the same.
    const body = await detailsOn(figures, step).catch(() => null);
    if (body && step === at) made.detail(body, at);
  }

  const drawn = update(state);
  clearTimeout(waiting);
  await detail(at);
  return { card: made.card, said: made.said(at), drawn, fit, update };
}

/** Return what the map draws at a step. */
function scene(figures, keys, at) {
  const { coverage, vintage } = figures.cube;
  if (!coverage) return null;
  const paints = new Map(figures.byKind("region").map((one) => [one.place, paintOf(figures, one.place, at)]));
  const tip = (code) => {
    const value = figures.value(code, at);
    return value === null ? figures.statusName(figures.status(code, at)) : `${formatted(value)} ${figures.measure.unit}`;
  };
  return { coverage, label: vintage, paints, chosen: keys, tip };
}

/** Return the box around a region; null for what is no region. */
async function boxOf(figures, key) {
  if (figures.places.get(key).kind !== "region" || !figures.cube.coverage) return null;
  const { features } = await sendOnce(calls.regionsOf(figures.cube.coverage, figures.cube.vintage));
  return features.find((one) => one.id === key || one.properties.code === key)?.bbox ?? null;
}

/** Return the value of a place at a step with its class. */
function valueLine(figures, key) {
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

function overview(figures) {
  const key = figures.cube.places.CA ? "CA" : null;
  const value = key && valueLine(figures, key);
  const line = key && history(figures, [key]);
  const provinces = provinceTable(figures);
  const unassigned = unassignedList(figures);
  const regions = regionTable(figures);
  const facts = el("dl", { class: "facts" });
  const card = el(
    "section",
    { class: "card figures", "aria-labelledby": "figures-title" },
    el("p", { class: "eyebrow" }, `${figures.about.name} · ${figures.measure.name}`),
    el("h2", { id: "figures-title", class: "name", tabindex: "-1" }, key ? placeName(figures.places.get(key)) : figures.about.name),
    value?.element,
    line?.element,
    facts,
    provinces.element,
    unassigned.element,
    regions.element,
    el("p", { class: "note" }, figures.about.definition),
    notes(figures.about.notes.filter((one) => one.place === null)),
    actions(figures),
  );
  return {
    card,
    said: (at) => `${weekOf(figures, at)}. ${figures.about.name}`,
    update(at) {
      for (const part of [value, line, provinces, regions]) part?.update(at);
    },
    detail(body, at) {
      if (body.country) facts.replaceChildren(...periodFacts(figures, body.country));
      unassigned.detail(body);
      provinces.detail(body);
      show(card, figures, at);
    },
  };
}

function single(figures, key) {
  const place = figures.places.get(key);
  const value = valueLine(figures, key);
  const line = history(figures, [key]);
  const verdict = el("p", { class: "verdict none" });
  const facts = el("dl", { class: "facts" });
  const share = el("p", { class: "note" });
  const kind = place.kind === "region" ? t("reporting_region", { code: place.code }) : null;
  const card = el(
    "article",
    { class: "card figures" },
    head({
      above: `${figures.about.name} · ${figures.measure.name}`,
      name: placeName(place),
      below: [provinceOf(figures, place), kind].filter(Boolean).join(" · "),
    }),
    value.element,
    verdict,
    line.element,
    facts,
    share,
    notes(notesOf(figures, place)),
    adder(figures, [key]),
    actions(figures),
  );
  return {
    card,
    said: (at) => `${placeName(place)}. ${card.querySelector(".figure").textContent}. ${weekOf(figures, at)}`,
    update(at) {
      value.update(at);
      line.update(at);
      verdict.replaceChildren(...why(figures, place, at));
      verdict.hidden = !verdict.childNodes.length;
    },
    detail(body, at) {
      const figure = figureIn(body, place);
      facts.replaceChildren(...(figure ? periodFacts(figures, figure) : []));
      const rest = place.kind === "region" || place.kind === "province" ? body.unassigned[place.province] : null;
      share.hidden = !rest?.share_of_province;
      if (rest?.share_of_province) {
        share.textContent = t("unassigned_share", { share: percent(rest.share_of_province), province: place.province, count: number(rest.count ?? rest.v ?? 0) });
      }
      show(card, figures, at);
    },
  };
}

function comparison(figures, keys) {
  const line = history(figures, keys);
  const rows = keys.map((key, index) => {
    const value = valueLine(figures, key);
    const place = figures.places.get(key);
    const remove = () => go({ place: keys.filter((one) => one !== key).join(","), map: current().map });
    return {
      value,
      element: el(
        "li",
        { class: "compared-place" },
        lineSample(index),
        el("div", {}, el("b", {}, placeName(place)), el("small", {}, provinceOf(figures, place)), value.element),
        el("button", { type: "button", class: "round", "aria-label": t("remove_place", { name: placeName(place) }), title: t("remove_place", { name: placeName(place) }), onclick: remove }, icon("close")),
      ),
    };
  });
  const card = el(
    "article",
    { class: "card figures" },
    head({ above: `${figures.about.name} · ${figures.measure.name}`, name: t("places_compared", { n: keys.length }) }),
    line.element,
    el("ul", { class: "compared-places" }, rows.map((one) => one.element)),
    adder(figures, keys),
    actions(figures),
  );
  return {
    card,
    said: () => keys.map((key) => placeName(figures.places.get(key))).join(", "),
    update(at) {
      line.update(at);
      rows.forEach((one) => one.value.update(at));
    },
    detail: (_, at) => show(card, figures, at),
  };
}

/** Return the chart of places over the whole time. */
function history(figures, keys) {
  const lines = keys.map((key, index) => ({ values: figures.cube.places[key], colour: `cat-${index + 1}`, dash: DASHES[index] }));
  const drawn = chart({ lines, days: figures.days, label: t("chart_label", { name: keys.map((key) => placeName(figures.places.get(key))).join(", ") }), onPick: turnTo });
  const note = lines.some(({ values }) => values.includes(null)) ? el("figcaption", {}, t("chart_gaps")) : null;
  return { element: el("figure", { class: "history" }, drawn.element, note), update: drawn.mark };
}

function lineSample(index) {
  const sample = chart({ lines: [{ values: [1, 1], colour: `cat-${index + 1}`, dash: DASHES[index] }, { values: [0, 0], colour: "none" }], days: ["", ""], label: "", width: 26, height: 10, axis: false });
  sample.element.setAttribute("aria-hidden", "true");
  sample.element.classList.add("sample");
  return sample.element;
}

const provinceOf = (figures, place) => (place.kind === "province" || place.kind === "country" ? "" : (figures.places.get(place.province)?.name ?? ""));

/** Return why there is no value, or what is special about it. */
function why(figures, place, at) {
  const status = figures.status(place.place, at);
  const value = figures.value(place.place, at);
  if (value !== null) return status === "estimated" ? [t("estimated_why")] : [];
  if (status === "not_reported" && place.ended_on && figures.days[at] > place.ended_on) return [t("ended_why", { day: period(place.ended_on) })];
  if (status === "not_reported") return [t("missing_why")];
  return [t("no_rate_why")];
}

/** Return what a figure is about: its days, its report, its count, its people. */
function periodFacts(figures, figure) {
  const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const rate = figures.cube.measure.startsWith("rate");
  return [
    figure.from && fact(t("period"), period(figure.from, figure.to)),
    figure.reported_on && fact(t("reported_on"), period(figure.reported_on)),
    rate && figure.count !== null && figure.count !== undefined && fact(t("count"), formatted(figure.count)),
    figure.population && fact(t("population_of", { year: figure.population_year }), number(figure.population)),
  ].filter(Boolean);
}

function notes(listed) {
  if (!listed.length) return null;
  return el(
    "details",
    { class: "notes" },
    el("summary", {}, icon("chevron"), t("notes", { n: listed.length })),
    el(
      "ul",
      {},
      listed.map((one) =>
        el(
          "li",
          {},
          el("small", {}, daysOf(one)),
          el("p", { lang: one.language === language ? null : one.language }, one.text),
          one.url?.startsWith("https://") && el("a", { href: one.url, rel: "noreferrer" }, t("note_source")),
        ),
      ),
    ),
  );
}

/** Return the days that a note is about; either end may be open. */
function daysOf({ from, to }) {
  if (from && to) return period(from, to);
  if (from) return t("since", { day: period(from) });
  return to ? t("until", { day: period(to) }) : "";
}

/** Return a menu of places to compare with. */
function adder(figures, keys) {
  if (keys.length >= MOST) return el("p", { class: "note" }, t("compare_most"));
  const option = (place) => el("option", { value: place.place }, placeName(place));
  const select = el("select", { id: "compare-place" }, el("option", { value: "" }, t("choose_place")));
  for (const province of [...figures.byKind("country"), ...figures.byKind("province")]) {
    const inside = [province, ...figures.byKind("region").filter((one) => one.province === province.place)];
    const free = inside.filter((one) => !keys.includes(one.place));
    if (free.length) select.append(el("optgroup", { label: province.name }, free.map(option)));
  }
  select.addEventListener("change", () => select.value && go({ place: [...keys, select.value].join(","), map: current().map }));
  return el("p", { class: "adder" }, el("label", { for: "compare-place" }, t("compare_with")), select, el("small", {}, t("compare_hint")));
}

function actions(figures) {
  const csv = el("a", { class: "quiet figures-csv", download: "" }, icon("download"), t("figures_csv"));
  return [el("div", { class: "actions" }, linkButton(), csv), el("div", { class: "figures-calls" })];
}

/** Show the calls of the API behind a step. */
function show(card, figures, at) {
  const asked = callOn(figures, at);
  card.querySelector(".figures-csv").href = asked.url.replace("/map?", "/map.csv?");
  const box = card.querySelector(".figures-calls");
  if (!box.querySelector("details[open]")) box.replaceChildren(callBox(asked, figures.asked));
}
