// List of the regions of a layer by province: the card before a choice, and the page's content without a map.

import { calls, sendOnce } from "./api.js";
import { callBox } from "./curl.js";
import { fsaLink, provenance, regionLink, stateLink } from "./card.js";
import { el, icon } from "./dom.js";
import { parameters } from "./vintages.js";
import { fold } from "./parse.js";
import { nameOf, number, provinces, t } from "./texts.js";

/** Return the health regions of a state's vintage: {call, answer, regions}. Raises: Problem. */
export async function regionsOf(state) {
  const call = calls.regions(parameters(state).vintage);
  const answer = await sendOnce(call);
  return { call, answer, regions: answer.features.map((feature) => ({ ...feature.properties, bbox: feature.bbox })) };
}

/** Return the list of the layer that a state shows: {card, drawn, said}. Raises: Problem. */
export async function browseCard(state) {
  if (state.layer === "fsa") return fsaList(state);
  const { call, answer, regions } = await regionsOf(state);
  const byProvince = provinces
    .map((province) => ({ ...province, regions: regions.filter((region) => region.pruid === province.pruid) }))
    .filter((province) => province.regions.length);
  const card = el(
    "section",
    { class: "card browse", "aria-labelledby": "browse-title" },
    examples(),
    el("h2", { id: "browse-title", tabindex: "-1" }, t("regions_count", { n: regions.length })),
    byProvince.map((province) =>
      el(
        "details",
        { class: "province" },
        el("summary", {}, icon("chevron"), el("span", {}, province.name), el("span", { class: "number" }, String(province.regions.length))),
        el("ul", {}, province.regions.map((region) => el("li", {}, regionLink(region), el("small", {}, region.hruid)))),
      ),
    ),
    callBox(call),
    provenance(answer),
  );
  return { card, said: "", drawn: {} };
}

const examples = () =>
  el(
    "ul",
    { class: "examples" },
    el("li", {}, t("try")),
    el("li", {}, stateLink({ fsa: "K0A" }, { class: "chip" }, "K0A")),
    el("li", {}, stateLink({ fsa: "M5V" }, { class: "chip" }, "M5V")),
    el("li", {}, stateLink({ at: [-71.208, 46.8139] }, { class: "chip", href: "#at=46.8139,-71.208" }, t("example_position"))),
  );

/** Return the card of the FSAs of a vintage, by province. */
async function fsaList(state) {
  const call = calls.regionsOf("fsa", parameters(state).fsa_vintage);
  const answer = await sendOnce(call);
  const codes = answer.features.map(({ properties: its }) => ({ code: its.code ?? its.cfsauid, pruid: its.pruid }));
  const byProvince = provinces
    .map((province) => ({ ...province, codes: codes.filter((fsa) => fsa.pruid === province.pruid).map((fsa) => fsa.code) }))
    .filter((province) => province.codes.length);
  const card = el(
    "section",
    { class: "card browse", "aria-labelledby": "browse-title" },
    examples(),
    el("h2", { id: "browse-title", tabindex: "-1" }, t("fsas_count", { n: codes.length, count: number(codes.length) })),
    byProvince.map((province) => fsasOf(province)),
    callBox(call),
    provenance({ fsa_vintage: answer.vintage }),
  );
  return { card, said: "", drawn: {} };
}

/** Return a province with its FSAs. Links are made when it is opened: a vintage has over 1,600. */
function fsasOf({ name, codes }) {
  const list = el("ul", { class: "codes" });
  const element = el(
    "details",
    { class: "province" },
    el("summary", {}, icon("chevron"), el("span", {}, name), el("span", { class: "number" }, number(codes.length))),
    list,
  );
  element.addEventListener("toggle", () => {
    if (element.open && !list.childNodes.length) list.append(...codes.map((code) => el("li", {}, fsaLink(code))));
  });
  return element;
}

/** Return the regions whose text holds all words; names that begin with the first word come first. */
export function matching(regions, words, limit = 8) {
  const scored = regions
    .map((region) => ({ region, text: fold(`${region.name_en} ${region.name_fr} ${region.hruid}`), shown: fold(nameOf(region)) }))
    .filter(({ text }) => words.every((word) => text.includes(word)));
  const first = (match) => (match.shown.startsWith(words[0]) ? 0 : match.text.split(" ").some((word) => word.startsWith(words[0])) ? 1 : 2);
  return scored.sort((a, b) => first(a) - first(b) || a.shown.localeCompare(b.shown)).slice(0, limit).map((match) => match.region);
}
