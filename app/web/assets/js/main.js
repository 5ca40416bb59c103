// Entry point: a state is rendered as controls, card and map.

import { browseCard } from "./browse.js";
import { NOTHING, trouble } from "./card.js";
import { changesCard } from "./changes.js";
import { startControls, showControls } from "./controls.js";
import { preload } from "./device.js";
import { $, announce, el, icon } from "./dom.js";
import * as vintages from "./vintages.js";
import { figuresCard } from "./figures.js";
import { fsaCard } from "./fsa.js";
import { startGeolocation } from "./geolocate.js";
import { loadIndicators } from "./indicators.js";
import { publicLink } from "./link.js";
import { positionCard } from "./position.js";
import { regionCard } from "./region.js";
import { clearSearch, startSearch } from "./search.js";
import { current, embedded, go, remember, start, whenChanged, withoutFigures } from "./state.js";
import { openSheet, sheetHeight, startSheet, topHeight } from "./sheet.js";
import { t } from "./texts.js";
import { startTheme } from "./theme.js";
import { barHeight, hideTimeline, startTimeline } from "./timeline.js";

const SLOW_MS = 250;
const VERY_SLOW_MS = 4_000;
const narrow = matchMedia("(max-width: 760px)");

let map = null;
let turn = null;
let shown = null;

/** Return the function that makes the card of a state. */
function cardOf(state) {
  if (state.at) return positionCard;
  if (state.fsa) return fsaCard;
  if (state.region) return regionCard;
  if (state.compare) return changesCard;
  if (state.layer === "figures") return figuresCard;
  return browseCard;
}

/** Return whether two states differ only in their day or map view. */
function onlyAnotherDay(state, before) {
  return shown?.update && before && Object.keys(state).every((key) => key === "on" || key === "map" || state[key] === before[key]);
}

/** Draw other figures of the shown card; null changes nothing. */
function repaint(made, figures) {
  // For a map that is loaded later.
  if (figures) made.drawn.figures = figures;
  map?.paint(figures);
}

async function render(state, before = null) {
  if (onlyAnotherDay(state, before)) {
    const made = shown;
    const { figures, later } = made.update(state);
    repaint(made, figures);
    later.then((after) => {
      if (shown !== made) return;
      repaint(made, after.figures);
      if (after.notice !== null) showHeld(after.notice);
    });
    return;
  }
  turn?.abort();
  shown = null;
  turn = new AbortController();
  const { signal } = turn;
  showControls(state);
  const place = $("card");
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  place.setAttribute("aria-busy", "true");
  const waits = [
    setTimeout(() => place.replaceChildren(waiting()), before ? SLOW_MS : 0),
    setTimeout(() => announce(t("still_working")), VERY_SLOW_MS),
    setTimeout(() => place.querySelector(".waiting")?.append(el("p", {}, t("still_working"))), VERY_SLOW_MS),
  ];
  let made;
  try {
    await vintages.load();
    showControls(state);
    made = await cardOf(state)(state, { signal });
  } catch (problem) {
    if (signal.aborted) return;
    if (!problem.hint && problem.name !== "Error") console.error(problem);
    made = { card: trouble(problem, () => render(current())), said: problem.message, drawn: {} };
  } finally {
    waits.forEach(clearTimeout);
  }
  if (signal.aborted) return;
  place.removeAttribute("aria-busy");
  place.replaceChildren(made.card);
  showHeld(made.notice ?? "");
  shown = made;
  if (state.layer !== "figures") hideTimeline();
  $("sheet").scrollTop = 0;
  scrollTo(0, 0);
  if (focused) keepFocus(place, focused);
  if (before && made.said) announce(made.said);
  document.title = [made.card.querySelector(".name")?.textContent, t("title")].filter(Boolean).join(" · ");
  openSheet(cardOf(state) === browseCard || (state.layer === "figures" && !state.place) ? "low" : "half");
  draw(state, made);
  // A click on a boundary layer is a position; on the figures it is a region.
  if (state.layer !== "figures") preload(state);
}

/** Show the notice that newer figures are held. Its live region is always there, so that screen readers announce a new notice. */
function showHeld(notice) {
  const region = $("held");
  if (region.textContent === notice) return;
  region.replaceChildren(...(notice ? [el("p", {}, icon("unsure"), el("span", {}, notice))] : []));
}

/** Focus the element that replaces the focused one. Otherwise the focus returns to the start of the page. */
function keepFocus(place, before) {
  // The focus may have moved meanwhile.
  if (document.activeElement !== document.body) return;
  const after = before.id ? place.querySelector(`#${before.id}`) : null;
  (after ?? place.querySelector("h2"))?.focus({ preventScroll: true });
}

function waiting() {
  return el("div", { class: "card waiting" }, el("i"), el("i"), el("i"), el("p", { class: "visually-hidden" }, t("loading")));
}

/** Draw the scene of a card on the map. */
function draw(state, { drawn, fit, zoom }) {
  if (!map) return;
  const nothing = { at: null, accuracy: null, own: false, outline: null, alone: false, regions: [], figures: null };
  map.show({
    regionsLabel: vintages.shown("health-regions", state)?.label ?? null,
    fsaLabel: vintages.shown("fsa", state)?.label ?? null,
    earlierLabel: state.compare,
    drawn: { layer: state.layer, ...nothing, ...drawn },
  });
  if (state.map) map.jump(state.map);
  else if (fit) map.fit(fit);
  else if (state.at) map.look(state.at, zoom);
  else map.whole();
}

/** Return the padding of the map: the pixels on each side that the panel, the bar and the sheet cover. */
function padding(around = 0) {
  if (narrow.matches) return { top: topHeight() + around, right: 16 + around / 2, bottom: sheetHeight() + barHeight() + around, left: 16 + around / 2 };
  return { top: 24 + around, right: 24 + around, bottom: 40 + barHeight() + around, left: $("panel").offsetWidth + 32 + around };
}

/** Show the region at a position: its figures, or its boundary. `more` adds it to the compared places. */
function pick(at, code, more) {
  const state = current();
  if (state.layer !== "figures") go({ ...NOTHING, at: at.map((degrees) => Number(degrees.toFixed(6))), map: map.view() });
  else if (code && state.boundaries) go({ ...NOTHING, region: code, vintage: inForceOr(state.boundaries), map: map.view() });
  else if (code) go({ place: more && state.place ? toggled(state.place.split(","), code) : code, map: map.view() });
}

/** Return a label for the state: null for the vintage in force. */
const inForceOr = (label) => (vintages.inForce("health-regions")?.label === label ? null : label);

function toggled(keys, code) {
  const others = keys.filter((key) => key !== code);
  return (others.length < keys.length ? others : [...keys, code].slice(-4)).join(",") || null;
}

/** Return whether the browser can draw the map. */
function drawable() {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return Boolean(context);
}

function withoutMap() {
  document.documentElement.classList.add("no-map");
  $("no-map").hidden = false;
}

/** Load a stylesheet below those of the page. */
function loadStyles(path) {
  const link = el("link", { rel: "stylesheet", href: new URL(path, import.meta.url).href });
  const loaded = new Promise((done) => ["load", "error"].forEach((type) => link.addEventListener(type, done)));
  document.querySelector("link[rel=stylesheet]").before(link);
  return loaded;
}

/** Load the map, and draw what the card shows. The page is usable before. */
async function startMap() {
  try {
    const [{ createMap }] = await Promise.all([import("./map.js"), loadStyles("../vendor/maplibre-gl/maplibre-gl.css")]);
    map = createMap($("map"), {
      padding,
      labelled: t("map_label"),
      onPick: pick,
      onMove: remember,
    });
    Object.assign(window, { covidtrendsMap: map.map });
    if (shown) draw(current(), shown);
  } catch (error) {
    console.warn(error);
    withoutMap();
  }
}

const drawn = drawable();
if (!drawn) withoutMap();
startSearch();
startControls();
startSheet();
startTimeline();
startGeolocation((text) => {
  $("card").replaceChildren(trouble({ message: text }, null));
  announce(text);
});
// A link of another page to the reader's position. The state of the page replaces the fragment.
const wantsPosition = location.hash === "#locate";
// Both at once; a failure is shown by the card that needs them.
vintages.load().catch(() => {});
if (!(await loadIndicators())) withoutFigures();
startTheme(() => map?.repaint());
let shownFirst = null;
whenChanged((state, before) => {
  if (before !== state) clearSearch();
  const rendered = render(state, before);
  shownFirst ??= rendered;
});
whenChanged(() => {
  if (embedded) $("full-map").href = publicLink();
});
start();
// The map is four fifths of the page's bytes: the list comes first.
await shownFirst;
if (drawn) startMap();
if (wantsPosition) $("locate").click();
