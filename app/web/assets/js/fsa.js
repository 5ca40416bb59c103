// The card of an FSA: its health regions, each with its share and its latest figures.

import { calls, send } from "./api.js";
import { callBox } from "./curl.js";
import { SLIVER, downloads, fsaLink, head, provenance, regionLink, shareRow, trouble, verdict } from "./card.js";
import { el } from "./dom.js";
import { parameters } from "./vintages.js";
import { latestFigures, latestOf } from "./latest.js";
import { linkButtons } from "./link.js";
import { ownPlace } from "./ownplace.js";
import { CATEGORIES } from "./style.js";
import { area, nameOf, percent, t } from "./texts.js";

/** Return what the shares are of: people by blocks or by postal codes, or area. */
const basisNote = (basis) =>
  basis === "blocks" ? t("shares_are_blocks") : basis ? t("shares_are_postal_codes") : t("shares_are_area");

/** Return the card of a state's FSA: {card, drawn, fit, said}. Raises: Problem. */
export async function fsaCard(state, { signal }) {
  const vintages = parameters(state);
  const call = calls.fsa(state.fsa, vintages);
  const boundaryCall = calls.fsaBoundary(state.fsa, vintages.fsa_vintage);
  let answer;
  let boundary;
  try {
    [answer, boundary] = await Promise.all([send(call, { signal }), send(boundaryCall, { signal })]);
  } catch (problem) {
    if (problem.type === "fsa-without-boundary") return without(problem);
    throw problem;
  }
  const { fsa, features } = answer;
  const swatch = (at) => (features.length > 1 ? CATEGORIES[Math.min(at, CATEGORIES.length - 1)] : null);
  const only = features.length === 1 ? features[0].properties : null;
  const whole = only?.share_of_fsa >= 1 - SLIVER;
  const line = fsa.is_split
    ? verdict("unsure", t("split", { n: features.length }), t("split_why"))
    : only
      ? verdict("sure", whole ? t("whole") : t("split", { n: 1 }), regionLink(only))
      : verdict("none", t("outside"), t("outside_why"));
  const latest = await Promise.all(features.map(({ properties: its }) => latestOf(its.hruid, answer.vintage.label, { signal })));
  const sections = latest.map((figures, at) => latestFigures(figures, features.length > 1 ? `${t("latest")} · ${nameOf(features[at].properties)}` : t("latest")));
  const slivers = 1 - fsa.share_outside - features.reduce((sum, { properties: its }) => sum + its.share_of_fsa, 0);
  const card = el(
    "article",
    { class: "card" },
    head({ above: t("fsa_long"), name: fsa.code, serif: false, below: fsa.province && nameOf(fsa.province) }),
    line,
    fsa.is_split && ownPlace(),
    features.length > 0 && !whole && [
      el("h3", {}, t("regions_of_fsa")),
      el(
        "ul",
        { class: "shares" },
        features.map(({ properties: its }, at) =>
          shareRow({
            what: regionLink(its),
            share: its.share_of_people ?? its.share_of_fsa,
            swatch: swatch(at),
            note: its.share_of_people === null ? area(its.area_km2) : t("share_of_area", { share: percent(its.share_of_fsa) }),
          }),
        ),
      ),
      fsa.share_outside >= SLIVER && el("p", { class: "note" }, t("share_outside", { share: percent(fsa.share_outside) })),
      slivers >= SLIVER && el("p", { class: "note" }, t("share_slivers", { share: percent(slivers) })),
      el("p", { class: "note" }, basisNote(fsa.people_basis)),
    ],
    sections,
    el("div", { class: "actions" }, linkButtons(), downloads(`/fsa/${fsa.code}/boundary`, fsa.code, answer.fsa_vintage)),
    callBox(call, boundaryCall, ...latest.filter(Boolean).map((figures) => figures.call)),
    provenance(answer),
  );
  return {
    card,
    said: `${fsa.code}. ${line.textContent}`,
    fit: boundary.bbox,
    drawn: {
      outline: { type: "Feature", properties: {}, geometry: boundary.geometry },
      alone: features.length < 2,
      regions: features.map(({ properties: its }, at) => ({ code: its.hruid, colour: swatch(at), chosen: Boolean(only) })),
    },
  };
}

/** Return the card of an FSA without a boundary: its province, and the FSAs beside it. */
function without(problem) {
  const { fsa = {} } = problem.body;
  const card = trouble(problem, null);
  card.querySelector(".name").textContent = fsa.code ?? "";
  card.querySelector(".name").classList.add("code");
  card.querySelector(".eyebrow").textContent = t("fsa_long");
  card.append(
    el("p", {}, problem.message),
    fsa.provinces?.length ? el("p", { class: "note" }, t("by_letters", { names: fsa.provinces.map(nameOf).join(", ") })) : "",
    fsa.neighbours?.length ? el("p", {}, t("beside"), " ", fsa.neighbours.flatMap((code) => [fsaLink(code), " "])) : "",
  );
  return { card, said: problem.message, drawn: {} };
}
