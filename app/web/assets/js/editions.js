// Which editions are published, which one is in force, and what the state's labels mean.

import { calls, sendOnce } from "./api.js";

let published = { "health-regions": [], fsa: [] };

/** Ask for the published editions. Raises: Problem. */
export async function load() {
  const { vintages } = await sendOnce(calls.vintages());
  published = { "health-regions": [], fsa: [] };
  for (const one of vintages) (published[one.coverage] ??= []).push(one);
}

/** Return the editions of a coverage, the latest first. */
export const of = (coverage) => published[coverage];

/** Return the edition of this label; null where there is none. */
export const labelled = (coverage, label) => published[coverage]?.find((one) => one.label === label) ?? null;

/** Return the edition that answers today, by the API's own rule; null where none does. */
export function inForce(coverage) {
  const today = new Date().toISOString().slice(0, 10);
  const better = (a, b) =>
    a.demo - b.demo ||
    b.effective_from.localeCompare(a.effective_from) ||
    b.representation.localeCompare(a.representation);
  const able = published[coverage].filter(
    (one) => !one.extract && one.effective_from <= today && !(one.effective_to && one.effective_to <= today),
  );
  return able.sort(better)[0] ?? null;
}

/** Return the edition of a coverage that a state shows; null where there is none of that label. */
export function shown(coverage, state) {
  const label = coverage === "fsa" ? state.fsa_vintage : state.vintage;
  return label === null ? inForce(coverage) : (published[coverage].find((one) => one.label === label) ?? null);
}

/** Return the labels of both, as the API's parameters. */
export const parameters = (state) => ({
  vintage: shown("health-regions", state)?.label ?? state.vintage,
  fsa_vintage: shown("fsa", state)?.label ?? state.fsa_vintage,
});
