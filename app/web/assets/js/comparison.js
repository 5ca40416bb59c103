// The card that compares up to four places, and the menu that adds one.

import { head } from "./card.js";
import { chart } from "./chart.js";
import { el, icon } from "./dom.js";
import { DASHES, actions, history, provinceOf, showCalls, valueLine } from "./figureparts.js";
import { placeName } from "./indicators.js";
import { current, go } from "./state.js";
import { t } from "./texts.js";

const MOST = 4;

/** Return the card of compared places: {card, said, update, detail}. */
export function comparison(figures, keys) {
  const line = history(figures, keys);
  const rows = keys.map((key, index) => {
    const value = valueLine(figures, key);
    const place = figures.places.get(key);
    const remove = () => go({ place: keys.filter((other) => other !== key).join(","), map: current().map });
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
    el("ul", { class: "compared-places" }, rows.map((row) => row.element)),
    adder(figures, keys),
    actions(),
  );
  return {
    card,
    said: () => keys.map((key) => placeName(figures.places.get(key))).join(", "),
    update(at) {
      line.update(at);
      rows.forEach((row) => row.value.update(at));
    },
    detail: (_, at) => showCalls(card, figures, at),
  };
}

function lineSample(index) {
  const sample = chart({ lines: [{ values: [1, 1], colour: `cat-${index + 1}`, dash: DASHES[index] }, { values: [0, 0], colour: "none" }], days: ["", ""], label: "", width: 26, height: 10, axis: false });
  sample.element.setAttribute("aria-hidden", "true");
  sample.element.classList.add("sample");
  return sample.element;
}

/** Return a menu of places to compare with. */
export function adder(figures, keys) {
  if (keys.length >= MOST) return el("p", { class: "note" }, t("compare_most"));
  const option = (place) => el("option", { value: place.place }, placeName(place));
  const select = el("select", { id: "compare-place" }, el("option", { value: "" }, t("choose_place")));
  for (const province of [...figures.byKind("country"), ...figures.byKind("province")]) {
    const inside = [province, ...figures.byKind("region").filter((place) => place.province === province.place)];
    const free = inside.filter((place) => !keys.includes(place.place));
    if (free.length) select.append(el("optgroup", { label: province.name }, free.map(option)));
  }
  select.addEventListener("change", () => select.value && go({ place: [...keys, select.value].join(","), map: current().map }));
  return el("p", { class: "adder" }, el("label", { for: "compare-place" }, t("compare_with")), select, el("small", {}, t("compare_hint")));
}
