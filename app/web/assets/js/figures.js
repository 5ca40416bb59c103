// The figures of a state: their card, and the paint of every region on the map.

import { calls, sendOnce } from "./api.js";
import { paintOf } from "./classes.js";
import { comparison } from "./comparison.js";
import * as vintages from "./vintages.js";
import { detailsOn, figuresOf } from "./indicators.js";
import { overview } from "./overview.js";
import { single } from "./place.js";
import { relatedFigures } from "./related.js";
import { showTimeline } from "./timeline.js";
import { formatted } from "./texts.js";

const DETAILS_MS = 200;

/**
 * Return the card of a state's figures: {card, notice, drawn, said, fit, update}. Raises: Problem.
 *
 * `update` shows another day in place and returns {figures, later}: what the map draws at once, and a promise of {figures, notice}
 * after an answer of the API: what it draws then, and the notice of held figures, each null where it stays as it is.
 */
export async function figuresCard(state) {
  const figures = await figuresOf(state);
  const keys = figures.shown(state);
  const vintage = figures.cube.coverage ? vintages.labelled("health-regions", state.boundaries) : null;
  const related = vintage ? relatedFigures(figures, vintage.label) : null;
  const made = keys.length > 1 ? comparison(figures, keys) : keys.length ? single(figures, keys[0]) : overview(figures, related);
  const fit = keys.length === 1 ? await boxOf(figures, keys[0]) : null;
  let at = -1;
  let waiting = null;

  /** Show a day without its details. */
  function showDay(next) {
    at = figures.stepOf(next.on);
    showTimeline(figures, at, Boolean(related));
    made.update(at);
  }

  function update(next) {
    showDay(next);
    clearTimeout(waiting);
    // A moving slider requests no details of the weeks that it passes.
    const later = new Promise((done) => {
      waiting = setTimeout(() => done(detail(at)), DETAILS_MS);
    });
    return { figures: related ? related.scene(at) : scene(figures, keys, at), later };
  }

  /** Show the details of a step; return {figures, notice} after them, each null where it stays as it is. */
  async function detail(step) {
    // Without its period and population a card is still complete enough to show; a map of a vintage has its first figures.
    const [body] = await Promise.all([detailsOn(figures, step).catch(() => null), related?.load(step).catch(() => null)]);
    // An issue that gates hold since the page was opened. After a newer issue the figures here are those that were loaded.
    const notice = body && body.issue.id === figures.cube.issue.id ? (body.held?.notice ?? "") : null;
    if (step !== at) return { figures: null, notice };
    if (body) made.detail(body, at);
    made.relations?.(at);
    return { figures: related?.scene(step) ?? null, notice };
  }

  showDay(state);
  await related?.load(at);
  const first = await detail(at);
  const drawn = first.figures ?? scene(figures, keys, at);
  return { card: made.card, notice: first.notice ?? figures.cube.held?.notice ?? "", said: made.said(at), drawn: { figures: drawn }, fit, update };
}

/** Return what the map draws at a step: the reporting regions; null for figures without regions. */
function scene(figures, keys, at) {
  const { coverage, vintage } = figures.cube;
  if (!coverage) return null;
  const paints = new Map(figures.byKind("region").map((series) => [series.place, paintOf(figures, series.place, at)]));
  const tip = (code) => {
    const value = figures.value(code, at);
    return value === null ? figures.statusName(figures.status(code, at)) : `${formatted(value)} ${figures.measure.unit}`;
  };
  return { coverage, label: vintage, paints, chosen: keys, tip };
}

/** Return the bounding box of a region; null for other kinds of places. */
async function boxOf(figures, key) {
  if (figures.places.get(key).kind !== "region" || !figures.cube.coverage) return null;
  const { features } = await sendOnce(calls.regionsOf(figures.cube.coverage, figures.cube.vintage));
  return features.find((feature) => feature.id === key || feature.properties.code === key)?.bbox ?? null;
}
