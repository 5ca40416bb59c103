// Parts that all cards share: head, verdict, links, shares, downloads, problem.

import { el, icon } from "./dom.js";
import { current, fragment, go, resolved } from "./state.js";
import { language, nameOf, otherName, percent, provinceName, t } from "./texts.js";

/** Return the head of a card: a line above, the name, a line below, and the button that closes the card. */
export function head({ above, name, serif = true, below = null }) {
  return el(
    "header",
    { class: "card-head" },
    el("p", { class: "eyebrow" }, above),
    el("h2", { class: serif ? "name" : "name code", tabindex: "-1" }, name),
    below && el("p", { class: "below" }, below),
    el(
      "button",
      { type: "button", class: "close", "aria-label": t("close"), title: t("close"), onclick: () => go(NOTHING) },
      icon("close"),
    ),
  );
}

/** Change of a state that clears every choice. */
export const NOTHING = { region: null, fsa: null, at: null, accuracy: null, own: false, compare: null, place: null };

/** Return a line about certainty; kind is sure, unsure or none. */
export const verdict = (kind, title, ...text) =>
  el("div", { class: `verdict ${kind}` }, icon(kind === "sure" ? "check" : kind === "unsure" ? "unsure" : "nothing"), el("div", {}, el("strong", {}, title), " ", text));

/** Return a link to another state. It has an href, so that it opens in another tab too. */
export function stateLink(change, attributes, ...children) {
  const target = { ...NOTHING, ...change };
  return el("a", { href: `#${address(target)}`, ...attributes, onclick: (event) => follow(event, target) }, children);
}

function follow(event, change) {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(change);
}

const address = (change) => fragment(resolved({ ...current(), ...change }));

export const regionLink = (region) => stateLink({ region: region.hruid }, { class: "region-link" }, nameOf(region));
export const fsaLink = (code) => stateLink({ fsa: code }, { class: "fsa-link" }, code);

/** Return "Ontario · health region 3551", with the name in the other language where there is one. */
export function about(region) {
  const other = otherName(region);
  return [
    el("span", {}, [provinceName(region.pruid), t("region_code", { code: region.hruid })].filter(Boolean).join(" · ")),
    other && el("span", { class: "other", lang: t("other_language") }, other),
  ];
}

/** Smallest meaningful share of an FSA. Smaller shares are slivers: two vintages draw the same line differently. */
export const SLIVER = 0.001;

/** Return a row of a list of shares: name, share, bar. */
export const shareRow = ({ what, share, swatch = null, note = null }) =>
  el(
    "li",
    { class: "share" },
    swatch && el("i", { class: `swatch ${swatch}` }),
    el("div", { class: "what" }, what, note && el("small", {}, note)),
    el("span", { class: "number" }, percent(share)),
    el("progress", { class: swatch ?? "", max: "1", value: String(share), "aria-hidden": "true" }),
  );

/** Return links to the unsimplified boundary of a region and to the files of its vintage. */
export const downloads = (path, code, { coverage, label }) => [
  el(
    "a",
    { class: "quiet", href: `${path}?detail=full&vintage=${encodeURIComponent(label)}`, download: `${code}-${label}.geojson` },
    icon("download"),
    t("boundary_file"),
  ),
  el("a", { class: "quiet", href: `/downloads?lang=${language}#${coverage}-${label}` }, icon("files"), t("vintage_files", { label })),
];

/** Return a line with the vintages of an answer. */
export function provenance(answer) {
  const vintages = [answer.vintage, answer.fsa_vintage].filter(Boolean);
  return el(
    "p",
    { class: "provenance" },
    vintages.map((vintage) => el("span", {}, t(vintage.coverage === "fsa" ? "vintage_fsa" : "vintage_regions", { label: vintage.label }))),
  );
}

/** Return the card of a problem, with a retry button for problems that may pass. */
export function trouble(problem, again) {
  return el(
    "div",
    { class: "card trouble", role: "alert" },
    head({ above: t("problem"), name: problem.message }),
    problem.hint && el("p", { class: "hint" }, problem.hint),
    problem.again && el("button", { type: "button", class: "primary", onclick: again }, t("again")),
  );
}
