// Changes between two vintages: their card and their colours on the map.

import { calls, send } from "./api.js";
import { callBox } from "./curl.js";
import { head, provenance, regionLink } from "./card.js";
import { el } from "./dom.js";
import * as vintages from "./vintages.js";
import { linkButtons } from "./link.js";
import { go } from "./state.js";
import { nameOf, percent, t } from "./texts.js";

// In the order of the card. Unchanged regions have no colour: they are most of the map.
const COLOURS = { split: "cat-2", merged: "cat-3", moved: "cat-6", recoded: "cat-4", renamed: "cat-1", new: "cat-5", gone: "cat-7", outside: null, kept: null };

/** Return the card of the changes from `compare` to the vintage of a state: {card, drawn, said}. Raises: Problem. */
export async function changesCard(state, { signal }) {
  const to = vintages.parameters(state).vintage;
  const call = calls.changes(state.compare, to);
  const answer = await send(call, { signal });
  const kinds = Object.keys(COLOURS).map((kind) => ({ kind, rows: rowsOf(answer.changes, kind), n: answer.summary.to[kind] ?? answer.summary.from[kind] ?? 0 }));
  const changed = kinds.filter((group) => COLOURS[group.kind] && group.rows.length);
  const name = t("changes_between", { from: state.compare, to });
  const card = el(
    "article",
    { class: "card changes" },
    head({ above: t("changes"), name, below: t("changes_by_area") }),
    chooser(state, to),
    changed.length === 0 && el("p", { class: "verdict none" }, t("nothing_changed")),
    changed.map(({ kind, rows }) =>
      el(
        "details",
        { class: "kind", open: changed.length < 3 || rows.length < 4 },
        el("summary", {}, el("i", { class: `swatch ${COLOURS[kind]}` }), el("span", {}, t(`kind_${kind}`)), el("span", { class: "number" }, String(rows.length))),
        el("p", { class: "note" }, t(`kind_${kind}_why`, { label: kind === "new" ? state.compare : to })),
        el("ul", {}, rows.map((row) => change(row, kind))),
      ),
    ),
    el("p", { class: "note" }, t("kept", { n: answer.summary.to.kept ?? 0 })),
    el("p", { class: "note" }, t("dashed", { label: state.compare })),
    el("div", { class: "actions" }, linkButtons()),
    callBox(call),
    provenance({ vintage: answer.to }),
  );
  const regions = answer.changes
    .filter((region) => region.of === "to" && COLOURS[region.kind])
    .map((region) => ({ code: region.code, colour: COLOURS[region.kind] }));
  return { card, said: `${name}. ${changed.map(({ kind, rows }) => `${t(`kind_${kind}`)}: ${rows.length}`).join(", ")}`, drawn: { regions } };
}

/** Return the rows of a kind: regions of the earlier vintage; for new regions those of the later one. */
const rowsOf = (changes, kind) => changes.filter((region) => region.kind === kind && region.of === (kind === "new" ? "to" : "from"));

function change(row, kind) {
  const into = row.counterparts.filter((counterpart) => counterpart.share_of_region >= 0.01 || counterpart.share_of_counterpart >= 0.01);
  return el(
    "li",
    {},
    el("div", {}, kind === "new" ? regionLink({ ...row, hruid: row.code }) : el("b", {}, nameOf(row)), el("small", {}, row.code)),
    kind !== "new" &&
      into.map((counterpart) =>
        el(
          "div",
          { class: "into" },
          el("span", { "aria-hidden": "true" }, "→"),
          regionLink({ ...counterpart, hruid: counterpart.code }),
          el("small", {}, counterpart.code === row.code ? "" : counterpart.code, into.length > 1 ? ` ${percent(counterpart.share_of_region)}` : ""),
        ),
      ),
    row.code_reused && el("p", { class: "reused" }, t("code_reused", { code: row.code })),
  );
}

function chooser(state, to) {
  const others = vintages.of("health-regions").filter((vintage) => vintage.label !== to);
  if (others.length < 2) return null;
  return el(
    "label",
    { class: "vintage compared" },
    el("span", {}, t("compared_with")),
    el(
      "select",
      { id: "compared", onchange: (event) => go({ compare: event.target.value }) },
      others.map((vintage) => el("option", { value: vintage.label, selected: vintage.label === state.compare }, vintage.label)),
    ),
  );
}
