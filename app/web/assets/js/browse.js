// List of the regions of a layer by province: the card before a choice, and the page's content without a map.

import { calls, sendOnce } from "./api.js";
import { callBox } from "./curl.js";
import { fsaLink, provenance, regionLink, stateLink } from "./card.js";
import { el, icon } from "./dom.js";
import { parameters } from "./vintages.js";
import { fold } from "./parse.js";
import { nameOf, number, provinces, t } from "./texts.js";

/** Return the health regions of a state's vintage: {asked, answer, regions}. Raises: Problem. */
export async function regionsOf(state) {
  const asked = calls.regions(parameters(state).vintage);
  const answer = await sendOnce(asked);
  return { asked, answer, regions: answer.features.map((one) => ({ ...one.properties, bbox: one.bbox })) };
}

/** Return the list of the layer that a state shows: {card, drawn, said}. Raises: Problem. */
export async function browseCard(state) {
  if (state.layer === "fsa") return fsaList(state);
  const { asked, answer, regions } = await regionsOf(state);
  const byProvince = provinces
    .map((one) => ({ ...one, regions: regions.filter((region) => region.pruid === one.pruid) }))
    .filter((one) => one.regions.length);
  const card = el(
    "section",
    { class: "card browse", "aria-labelledby": "browse-title" },
    examples(),
    el("h2", { id: "browse-title", tabindex: "-1" }, t("regions_count", { n: regions.length })),
    byProvince.map((one) =>
      el(
        "details",
        { class: "province" },
        el("summary", {}, icon("chevron"), el("span", {}, one.name), el("span", { class: "number" }, String(one.regions.length))),
        el("ul", {}, one.regions.map((region) => el("li", {}, regionLink(region), el("small", {}, region.hruid)))),
      ),
    ),
    callBox(asked),
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
  const asked = calls.regionsOf("fsa", parameters(state).fsa_vintage);
  const answer = await sendOnce(asked);
  const codes = answer.features.map(({ properties: its }) => ({ code: its.code ?? its.cfsauid, pruid: its.pruid }));
  const byProvince = provinces
    .map((one) => ({ ...one, codes: codes.filter((fsa) => fsa.pruid === one.pruid).map((fsa) => fsa.code) }))
    .filter((one) => one.codes.length);
  const card = el(
    "section",
    { class: "card browse", "aria-labelledby": "browse-title" },
    examples(),
    el("h2", { id: "browse-title", tabindex: "-1" }, t("fsas_count", { n: codes.length, count: number(codes.length) })),
    byProvince.map((one) => fsasOf(one)),
    callBox(asked),
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
  const first = (one) => (one.shown.startsWith(words[0]) ? 0 : one.text.split(" ").some((word) => word.startsWith(words[0])) ? 1 : 2);
  return scored.sort((a, b) => first(a) - first(b) || a.shown.localeCompare(b.shown)).slice(0, limit).map((one) => one.region);
}
