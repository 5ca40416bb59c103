// The card of a health region: its area, latest figures, FSAs and neighbours.

import { calls, send } from "./api.js";
import { callBox } from "./curl.js";
import { SLIVER, about, downloads, fsaLink, head, provenance, regionLink } from "./card.js";
import { el } from "./dom.js";
import { parameters } from "./vintages.js";
import { latestFigures, latestOf } from "./latest.js";
import { linkButtons } from "./link.js";
import { area, nameOf, number, percent, t } from "./texts.js";

const SHOWN = 24;

/** Return the card of a state's health region: {card, drawn, fit, said}. Raises: Problem. */
export async function regionCard(state, { signal }) {
  const vintages = parameters(state);
  const call = calls.region(state.region, vintages.vintage);
  const fsasCall = calls.fsasOfRegion(state.region, vintages);
  const askedNeighbours = calls.neighboursOfRegion(state.region, vintages.vintage);
  // Without published FSAs the card shows the region alone.
  const [region, held, beside, latest] = await Promise.all([
    send(call, { signal }),
    send(fsasCall, { signal }).catch(unlessAborted(signal)),
    send(askedNeighbours, { signal }).catch(unlessAborted(signal)),
    latestOf(state.region, vintages.vintage, { signal }),
  ]);
  const its = region.properties;
  const card = el(
    "article",
    { class: "card" },
    head({ above: t("health_region"), name: nameOf(its), below: about(its) }),
    el(
      "dl",
      { class: "facts" },
      el("div", {}, el("dt", {}, t("area")), el("dd", {}, area(its.area_km2))),
      its.population !== null && el("div", {}, el("dt", {}, t("population")), el("dd", {}, number(its.population))),
      held && el("div", {}, el("dt", {}, t("fsas")), el("dd", {}, number(held.number_matched))),
    ),
    latestFigures(latest),
    held && fsas(held.features),
    beside?.features.length > 0 && neighbours(beside.features),
    el("div", { class: "actions" }, linkButtons(), downloads(`/health-regions/${its.hruid}.json`, its.hruid, region.vintage)),
    callBox(...[call, held && fsasCall, latest?.call].filter(Boolean)),
    provenance(held ?? region),
  );
  return {
    card,
    said: nameOf(its),
    fit: region.bbox,
    drawn: { regions: [{ code: its.hruid, chosen: true, colour: "chosen" }] },
  };
}

function fsas(features) {
  const item = ({ properties: its }) =>
    el("li", {}, fsaLink(its.cfsauid), its.share_of_fsa < 1 - SLIVER && el("small", {}, percent(its.share_of_fsa)));
  const sorted = [...features].sort((a, b) => a.properties.cfsauid.localeCompare(b.properties.cfsauid));
  const rest = sorted.slice(SHOWN);
  return [
    el("h3", {}, t("fsas")),
    el("ul", { class: "codes" }, sorted.slice(0, SHOWN).map(item)),
    rest.length > 0 && el("details", { class: "more" }, el("summary", {}, t("more", { n: rest.length })), el("ul", { class: "codes" }, rest.map(item))),
    sorted.some(({ properties: its }) => its.share_of_fsa < 1 - SLIVER) && el("p", { class: "note" }, t("fsas_note")),
  ];
}

const neighbours = (features) => [
  el("h3", {}, t("neighbours")),
  el("ul", { class: "beside" }, features.map(({ properties: its }) => el("li", {}, regionLink(its)))),
];

const unlessAborted = (signal) => (error) => {
  if (signal.aborted) throw error;
  return null;
};
