// The card of one place: its value, its history, and why a value is missing.

import { head } from "./card.js";
import { adder } from "./comparison.js";
import { el } from "./dom.js";
import { actions, history, notes, periodFacts, provinceOf, showCalls, valueLine } from "./figureparts.js";
import { figureIn, notesOf, placeName } from "./indicators.js";
import { weekOf } from "./timeline.js";
import { number, percent, period, t } from "./texts.js";

// Statuses of a count: if the value is missing, the count has no rate.
const COUNTED = ["reported", "carried", "unassigned", "estimated"];

/** Return the card of a place: {card, said, update, detail}. */
export function single(figures, key) {
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
    actions(),
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
      showCalls(card, figures, at);
    },
  };
}

/** Return why a value is missing or estimated; an empty list for a plain value. */
function why(figures, place, at) {
  const status = figures.status(place.place, at);
  const value = figures.value(place.place, at);
  if (value !== null) return status === "estimated" ? [t("estimated_why")] : [];
  if (status === "not_reported" && place.ended_on && figures.days[at] > place.ended_on) return [t("ended_why", { day: period(place.ended_on) })];
  if (status === "not_reported") return [t("missing_why")];
  if (COUNTED.includes(status)) return [t("no_rate_why")];
  return [figures.cube.statuses.find(({ code }) => code === status).detail];
}
