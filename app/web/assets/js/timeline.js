// The bar over the map: legend of the classes, and a slider over weeks with playback.

import { boundsOf, classOf, colourOf } from "./classes.js";
import { chart } from "./chart.js";
import { $, el } from "./dom.js";
import { current, glide, go } from "./state.js";
import { formatted, period, t } from "./texts.js";

const STEP_MS = 350;
const STILL_STEP_MS = 1000;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 760px)");
const slider = $("week");
const play = $("play");
let figures = null;
let related = false;
let strip = null;
let timer = null;

/** Attach the listeners of the slider, its buttons and its keys. */
export function startTimeline() {
  slider.addEventListener("input", () => {
    stop();
    turnTo(Number(slider.value));
  });
  // A native slider has no action for Space.
  slider.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  play.addEventListener("click", toggle);
  for (const [id, step] of [["week-before", -1], ["week-after", 1]]) {
    $(id).addEventListener("click", () => {
      stop();
      turnTo(Number(slider.value) + step);
    });
  }
  document.addEventListener("visibilitychange", () => document.hidden && stop());
}

/** Show a step of the figures in the bar; `ofVintage` adds to the legend how regions of a vintage relate to those that report. */
export function showTimeline(of, at, ofVintage = false) {
  if (of !== figures || ofVintage !== related) {
    related = ofVintage;
    if (figures?.cube.indicator !== of.cube.indicator) stop();
    figures = of;
    slider.max = String(of.days.length - 1);
    const values = of.cube.places.CA ?? of.byKind("province").map((place) => of.cube.places[place.place])[0] ?? [];
    strip = chart({ lines: [{ values, colour: "national" }], days: of.days, label: "", width: 600, height: 34, axis: false });
    strip.element.setAttribute("aria-hidden", "true");
    $("week-strip").replaceChildren(strip.element);
    showLegend(of);
  }
  slider.value = String(at);
  const words = weekOf(of, at);
  slider.setAttribute("aria-valuetext", words);
  $("week-label").textContent = words;
  strip.mark(at);
  $("week-before").disabled = at === 0;
  $("week-after").disabled = at === of.days.length - 1;
  $("timeline").hidden = false;
}

/** Return the pixels of the map that the bar covers: on a phone above the sheet, else with the sources below the bar. */
export function barHeight() {
  const { top, height } = $("timeline").getBoundingClientRect();
  return narrow.matches || !height ? height : Math.max(innerHeight - top - 24, 0);
}

export function hideTimeline() {
  clearInterval(timer);
  timer = null;
  show();
  $("timeline").hidden = true;
}

/** Return "Week ending January 8, 2022", or the day. */
export const weekOf = (of, at) => (of.cube.step_days === 7 ? t("week_to", { day: period(of.days[at]) }) : period(of.days[at]));

/** Show a step. */
export function turnTo(at) {
  const day = figures.days[Math.min(Math.max(at, 0), figures.days.length - 1)];
  if (day !== current().on) glide({ on: day });
}

function toggle() {
  if (timer !== null) {
    stop();
    return;
  }
  // Playback ends at the latest week; from there it restarts.
  const end = figures.stepOf(null);
  if (Number(slider.value) >= end) turnTo(0);
  timer = setInterval(() => {
    const at = Number(slider.value);
    if (at >= end) stop();
    else turnTo(at + 1);
  }, still.matches ? STILL_STEP_MS : STEP_MS);
  show();
}

function stop() {
  if (timer === null) return;
  clearInterval(timer);
  timer = null;
  show();
  // One entry of the history for the whole playback.
  go({ on: current().on }, { replace: true });
}

function show() {
  const playing = timer !== null;
  play.setAttribute("aria-label", t(playing ? "pause" : "play"));
  play.title = play.getAttribute("aria-label");
  play.querySelector("use").setAttribute("href", playing ? "#icon-pause" : "#icon-play");
}

function showLegend(of) {
  const bounds = boundsOf(of);
  const above = [0, ...bounds];
  const classes = [
    el("li", {}, swatch(colourOf(0, bounds)), el("span", {}, "0")),
    ...above.map((from, index) => {
      const to = bounds[index];
      const range = { from: formatted(from), to: formatted(to ?? from) };
      const words = to === undefined ? t("class_from", range) : from === 0 ? t("class_below", range) : t("class_range", range);
      return el("li", {}, swatch(colourOf(classOf(to === undefined ? from || 1 : (from + to) / 2, bounds), bounds)), el("span", {}, words));
    }),
  ];
  $("legend-title").textContent = `${of.about.name} · ${of.measure.name}`;
  $("legend-classes").replaceChildren(
    ...classes,
    [...of.places.keys()].some((key) => of.cube.places[key]?.some((value) => value < 0)) ? el("li", { class: "apart" }, swatch("class-negative"), el("span", {}, t("class_negative"))) : "",
    related ? el("li", { class: "apart" }, swatch("class-dashed"), el("span", {}, t("class_part_of"))) : "",
    el("li", { class: "apart" }, swatch("class-hatch"), el("span", {}, t("class_missing"))),
    related ? el("li", { class: "apart" }, swatch("class-dots"), el("span", {}, t("method_none"))) : "",
  );
}

const swatch = (name) => el("i", { class: `swatch ${name}` });
