// The card of a position: its health region, with certainty and candidates.

import { calls, sendOne } from "./api.js";
import { callBox } from "./curl.js";
import { about, fsaLink, head, provenance, regionLink, shareRow, verdict } from "./card.js";
import { el } from "./dom.js";
import { parameters } from "./vintages.js";
import { linkButton } from "./link.js";
import { distance, nameOf, position, t } from "./texts.js";

/** Return the card of a state's position: {card, drawn, said}. Raises: Problem. */
export async function positionCard(state, { signal }) {
  const asked = calls.locate(state.at, state.accuracy, parameters(state));
  const answer = await sendOne(asked, { signal });
  const found = answer.properties;
  const region = found.health_region;
  const candidates = found.candidates ?? [];
  const name = region ? nameOf(region) : t("no_region_here");
  const sure = certainty(found, state.accuracy);
  const card = el(
    "article",
    { class: "card" },
    head({
      above: state.own ? t("your_position", { accuracy: distance(state.accuracy ?? 0) }) : position(state.at),
      name,
      below: region && about(region),
    }),
    sure,
    candidates.length > 1 && [
      el("h3", {}, t("candidates")),
      el(
        "ul",
        { class: "shares" },
        candidates.map((one, at) => shareRow({ what: regionLink(one), share: one.share_of_circle, swatch: `cat-${Math.min(at, 6) + 1}` })),
      ),
    ],
    el(
      "dl",
      { class: "facts" },
      el("div", {}, el("dt", {}, t("fsa")), el("dd", {}, found.fsa ? fsaLink(found.fsa.cfsauid) : t("none_here"))),
      found.province && el("div", {}, el("dt", {}, t("province")), el("dd", {}, nameOf(found.province))),
      region && el("div", {}, el("dt", {}, t("health_region")), el("dd", {}, regionLink(region))),
    ),
    el("div", { class: "actions" }, linkButton()),
    callBox(asked),
    provenance(answer),
  );
  const coloured = candidates.map((one, at) => ({ code: one.hruid, colour: candidates.length > 1 ? `cat-${Math.min(at, 6) + 1}` : null }));
  return {
    card,
    said: `${name}. ${sure.textContent}`,
    drawn: {
      at: state.at,
      accuracy: state.accuracy,
      own: state.own,
      regions: [...coloured, ...(region ? [{ code: region.hruid, chosen: true, colour: coloured.length > 1 ? null : "chosen" }] : [])],
    },
  };
}

function certainty(found, accuracy) {
  const border = found.distance_to_border_m;
  const neighbour = found.neighbour && nameOf(found.neighbour);
  const where =
    border === null ? "" : t(neighbour ? "border_with" : "border", { distance: distance(border), name: neighbour });
  if (found.match === "none") return verdict("none", t("outside"), t("outside_why"));
  if (found.match === "nearest") return verdict("unsure", t("nearest"), t("nearest_why", { distance: distance(found.distance_m) }));
  if (found.certain) return verdict("sure", t("certain"), where);
  // The page has its own words for a near border.
  const reasons = found.reasons.filter((reason) => reason.type !== "border").map((reason) => reason.detail);
  const known = accuracy ? t("uncertain_accuracy", { accuracy: distance(accuracy) }) : "";
  return verdict("unsure", t("uncertain"), [known, where, ...reasons].filter(Boolean).join(" "));
}
