// The card of a position: its health region, found on this device or, near a border, by the service with candidates.

import { calls, send, sendOne } from "./api.js";
import { callBox } from "./curl.js";
import { about, fsaLink, head, provenance, regionLink, shareRow, verdict } from "./card.js";
import { locate } from "./device.js";
import { el } from "./dom.js";
import { latestFigures, latestOf } from "./latest.js";
import { linkButtons } from "./link.js";
import { go } from "./state.js";
import { area, distance, nameOf, number, position, provinceName, t } from "./texts.js";
import { parameters, shown } from "./vintages.js";

// Tiles of this zoom are 110 km wide at 45 degrees north and 80 km at 60: about what the code of a region tells the service.
const COARSE_ZOOM = 8;
// At the pole, every FSA is a candidate.
const CANDIDATES_MOST = 6;

let sent = null;

/** Return the card of a state's position: {card, drawn, said, zoom}. Raises: Problem. */
export async function positionCard(state, { signal }) {
  const located = String(state.at) === sent ? null : await locate(state.at, state.accuracy, state);
  if (located) return deviceCard(state, located, signal);
  const call = calls.locate(state.at, state.accuracy, parameters(state));
  return serviceCard(state, call, await sendOne(call, { signal }));
}

/** Return the card of an answer of the packs. Details of the region are requested by its code, and added when they arrive. */
function deviceCard(state, { region, fsa }, signal) {
  const inside = region.status === "region";
  const its = inside ? asProperties(region) : null;
  const name = its ? nameOf(its) : t("no_region_here");
  const sure = verdict(inside ? "sure" : "none", t(inside ? "certain" : "outside"), t("on_device"));
  const details = el("div", {});
  const call = inside && calls.region(region.code, parameters(state).vintage);
  const card = el(
    "article",
    { class: "card" },
    title(state, name, its),
    sure,
    facts(its, fsaParts(fsa), its && provinceName(its.pruid)),
    details,
    el("div", { class: "actions" }, linkButtons(), (!inside || fsa.status === "near_border") && askButton(state)),
    call && callBox(call),
    provenance({ vintage: shown("health-regions", state), fsa_vintage: shown("fsa", state) }),
  );
  if (call) addDetails(details, call, state, region.code, signal);
  return {
    card,
    said: `${name}. ${sure.textContent}`,
    zoom: COARSE_ZOOM,
    drawn: { at: state.at, accuracy: state.accuracy, own: state.own, regions: inside ? [{ code: region.code, chosen: true, colour: "chosen" }] : [] },
  };
}

const asProperties = ({ code, name, pruid }) => ({ hruid: code, name_en: name.en, name_fr: name.fr, pruid });

async function addDetails(place, call, state, code, signal) {
  try {
    const [{ properties: its }, latest] = await Promise.all([send(call, { signal }), latestOf(code, parameters(state).vintage, { signal })]);
    place.replaceChildren(
      el(
        "dl",
        { class: "facts" },
        el("div", {}, el("dt", {}, t("area")), el("dd", {}, area(its.area_km2))),
        its.population !== null && el("div", {}, el("dt", {}, t("population")), el("dd", {}, number(its.population))),
      ),
      latestFigures(latest) ?? "",
    );
  } catch (problem) {
    if (!signal.aborted) place.replaceChildren(el("p", { class: "note", role: "status" }, t("details_away", { why: problem.message })));
  }
}

function fsaParts(fsa) {
  if (fsa.status === "region") return [fsaLink(fsa.code)];
  if (fsa.status === "outside") return [t("none_here")];
  if (fsa.candidates.length > CANDIDATES_MOST) return [t("uncertain")];
  return [...fsa.candidates.flatMap(({ code }) => [fsaLink(code), " "]), t("fsa_near")];
}

/** Return the button that sends the position after all: for the nearest region, or for the FSA. */
function askButton(state) {
  const ask = () => {
    sent = String(state.at);
    go({ at: [...state.at] }, { replace: true });
  };
  return el("button", { type: "button", class: "quiet", onclick: ask }, t("ask_service"));
}

function serviceCard(state, call, answer) {
  const located = answer.properties;
  const region = located.health_region;
  const candidates = located.candidates ?? [];
  const name = region ? nameOf(region) : t("no_region_here");
  const sure = certainty(located, state.accuracy);
  const card = el(
    "article",
    { class: "card" },
    title(state, name, region),
    sure,
    candidates.length > 1 && [
      el("h3", {}, t("candidates")),
      el(
        "ul",
        { class: "shares" },
        candidates.map((candidate, at) => shareRow({ what: regionLink(candidate), share: candidate.share_of_circle, swatch: `cat-${Math.min(at, 6) + 1}` })),
      ),
    ],
    facts(region, [located.fsa ? fsaLink(located.fsa.cfsauid) : t("none_here")], located.province && nameOf(located.province)),
    el("div", { class: "actions" }, linkButtons()),
    callBox(call),
    provenance(answer),
  );
  const coloured = candidates.map((candidate, at) => ({ code: candidate.hruid, colour: candidates.length > 1 ? `cat-${Math.min(at, 6) + 1}` : null }));
  return {
    card,
    said: `${name}. ${sure.textContent}`,
    zoom: state.own && state.accuracy ? Math.min(14, Math.max(6, 16.5 - Math.log2(state.accuracy / 40))) : COARSE_ZOOM,
    drawn: {
      at: state.at,
      accuracy: state.accuracy,
      own: state.own,
      regions: [...coloured, ...(region ? [{ code: region.hruid, chosen: true, colour: coloured.length > 1 ? null : "chosen" }] : [])],
    },
  };
}

const title = (state, name, region) =>
  head({
    above: state.own ? t("your_position", { accuracy: distance(state.accuracy ?? 0) }) : position(state.at),
    name,
    below: region && about(region),
  });

const facts = (region, fsa, province) =>
  el(
    "dl",
    { class: "facts" },
    el("div", {}, el("dt", {}, t("fsa")), el("dd", {}, fsa)),
    province && el("div", {}, el("dt", {}, t("province")), el("dd", {}, province)),
    region && el("div", {}, el("dt", {}, t("health_region")), el("dd", {}, regionLink(region))),
  );

function certainty(located, accuracy) {
  const border = located.distance_to_border_m;
  const neighbour = located.neighbour && nameOf(located.neighbour);
  const where =
    border === null ? "" : t(neighbour ? "border_with" : "border", { distance: distance(border), name: neighbour });
  if (located.match === "none") return verdict("none", t("outside"), t("outside_why"));
  if (located.match === "nearest") return verdict("unsure", t("nearest"), t("nearest_why", { distance: distance(located.distance_m) }));
  if (located.certain) return verdict("sure", t("certain"), where);
  // The page has its own words for a near border.
  const reasons = located.reasons.filter((reason) => reason.type !== "border").map((reason) => reason.detail);
  const accuracyText = accuracy ? t("uncertain_accuracy", { accuracy: distance(accuracy) }) : "";
  return verdict("unsure", t("uncertain"), [accuracyText, where, ...reasons].filter(Boolean).join(" "));
}
