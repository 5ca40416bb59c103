// Published vintages: the one in force, and the ones that a state names by label.

import { calls, sendOnce } from "./api.js";

let published = { "health-regions": [], fsa: [] };

/** Load the published vintages. Raises: Problem. */
export async function load() {
  const { vintages } = await sendOnce(calls.vintages());
  published = { "health-regions": [], fsa: [] };
  for (const vintage of vintages) (published[vintage.coverage] ??= []).push(vintage);
}

/** Return the vintages of a coverage, the latest first. */
export const of = (coverage) => published[coverage];

/** Return the vintage of a label; null for an unknown label. */
export const labelled = (coverage, label) => published[coverage]?.find((vintage) => vintage.label === label) ?? null;

/** Return the vintage in force today, by the API's rule; null without one. */
export function inForce(coverage) {
  const today = new Date().toISOString().slice(0, 10);
  const better = (a, b) =>
    a.demo - b.demo ||
    b.effective_from.localeCompare(a.effective_from) ||
    b.representation.localeCompare(a.representation);
  const able = published[coverage].filter(
    (vintage) => !vintage.extract && vintage.effective_from <= today && !(vintage.effective_to && vintage.effective_to <= today),
  );
  return able.sort(better)[0] ?? null;
}

/** Return the vintage of a coverage that a state shows; null for an unknown label. */
export function shown(coverage, state) {
  const label = coverage === "fsa" ? state.fsa_vintage : state.vintage;
  return label === null ? inForce(coverage) : (published[coverage].find((vintage) => vintage.label === label) ?? null);
}

/** Return the labels of both coverages as the API's parameters. */
export const parameters = (state) => ({
  vintage: shown("health-regions", state)?.label ?? state.vintage,
  fsa_vintage: shown("fsa", state)?.label ?? state.fsa_vintage,
});
