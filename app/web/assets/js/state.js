// State of the page, and its serialization in the URL fragment.
//
// Browsers do not send the fragment to the server. The position and the map's view are not in the fragment either: they are
// stored with the entry of the tab's history, so that back, forward and reload restore them. Only a link that the reader copies
// on purpose includes them (see link.js).

const LAYERS = ["figures", "health-regions", "fsa"];
const EMPTY = {
  layer: "figures", // what the map shows, and what hovering and the menus are about
  vintage: null, // label of the vintage of health regions; null is the one in force
  fsa_vintage: null,
  region: null, // code of the region that is shown
  fsa: null,
  compare: null, // label of the earlier vintage that this one is compared with
  indicator: null, // of the figures; null is the first of the catalogue
  measure: null, // null is the indicator's default
  on: null, // day of the figures, YYYY-MM-DD; null is the latest
  boundaries: null, // label of the health regions that take the figures; null is the regions that report
  place: null, // keys of the places whose figures are shown, separated by commas
  at: null, // [lon, lat] of the position that is shown
  accuracy: null, // metres
  own: false, // the position is the reader's own
  map: null, // {center, zoom}: what a copied link or the history wants to be seen
};
const PUBLIC = ["vintage", "fsa_vintage", "region", "fsa", "compare"];
const FIGURES = ["indicator", "measure", "on", "boundaries", "place"];
const PRIVATE = ["at", "accuracy", "own", "map"];
// A state with one of these is about a vintage of the boundaries, not about figures.
const LOOKUPS = ["region", "fsa", "at", "compare", "vintage", "fsa_vintage"];
const CODE = {
  region: /^\d{4}$/,
  fsa: /^[A-Z]\d[A-Z]$/,
  indicator: /^[a-z0-9-]+$/,
  measure: /^[a-z0-9_]+$/,
  on: /^\d{4}-\d\d-\d\d$/,
  place: /^[A-Za-z0-9-]+(,[A-Za-z0-9-]+){0,3}$/,
};
const SETTLED_MS = 400;

/** Whether the page is in a frame of another page: then the tab's history is not its own. */
export const embedded = document.documentElement.classList.contains("embed");

let state = { ...EMPTY };
let home = "figures";
let waiting = null;
const listeners = [];

/** Open on the health regions: no figures are loaded. Call it before start. */
export function withoutFigures() {
  home = "health-regions";
  EMPTY.layer = home;
}

export const current = () => state;
export const whenChanged = (listener) => listeners.push(listener);

/** Change the state with a new entry of the history, so that back returns here. */
export function go(change, { replace = false } = {}) {
  flush();
  const before = state;
  state = resolved({ ...state, ...change });
  history[replace || embedded ? "replaceState" : "pushState"](secret(), "", address(state));
  tell(before);
}

/** Change the state for a continuous control, without an entry of the history. The address is updated after the control rests. */
export function glide(change) {
  const before = state;
  state = resolved({ ...state, ...change });
  clearTimeout(waiting);
  // Browsers throttle frequent changes of the address.
  waiting = setTimeout(flush, SETTLED_MS);
  tell(before);
}

function flush() {
  if (waiting === null) return;
  clearTimeout(waiting);
  waiting = null;
  history.replaceState(secret(), "", address(state));
}

/** Store the map's view with the current entry of the history. */
export function remember(map) {
  state = { ...state, map };
  history.replaceState(secret(), "", address(state));
}

/** Read the state from the address and the history. A position in the address is removed from it. */
export function start() {
  const read = () => {
    clearTimeout(waiting);
    waiting = null;
    const before = state;
    state = resolved({ ...parse(location.hash), ...carried() });
    history.replaceState(secret(), "", address(state));
    tell(before);
  };
  addEventListener("popstate", read);
  read();
}

/** Return the fragment of a state without "#"; `all` adds the position and the map's view. */
export function fragment(of, { all = false } = {}) {
  const parts = new URLSearchParams();
  if (of.layer !== resolved({ ...of, layer: home }).layer) parts.set("layer", of.layer);
  for (const key of of.layer === "figures" ? FIGURES : PUBLIC) if (of[key] !== null) parts.set(key, of[key]);
  if (all && of.at) parts.set("at", `${round(of.at[1], 6)},${round(of.at[0], 6)}`);
  if (all && of.at && of.accuracy) parts.set("accuracy", Math.round(of.accuracy));
  if (all && of.map) parts.set("map", [round(of.map.zoom, 2), round(of.map.center[1], 4), round(of.map.center[0], 4)].join("/"));
  // Commas and slashes may stand in a fragment as they are.
  return parts.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/** Return the state of a fragment. Invalid parts are ignored. */
export function parse(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const result = { ...EMPTY };
  const layer = parameters.get("layer");
  if (LAYERS.includes(layer) && !(layer === "figures" && home !== "figures")) result.layer = layer;
  for (const key of [...PUBLIC, ...FIGURES]) {
    const text = parameters.get(key);
    if (text && text.length <= 64 && (CODE[key]?.test(text) ?? true)) result[key] = text;
  }
  const numbers = (text, separator, count) => {
    const parts = (text ?? "").split(separator).map((part) => (part.trim() === "" ? NaN : Number(part)));
    return parts.length === count && parts.every(Number.isFinite) ? parts : null;
  };
  const at = numbers(parameters.get("at"), ",", 2);
  if (!embedded && at && Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180) {
    result.at = [at[1], at[0]];
    result.accuracy = numbers(parameters.get("accuracy"), ",", 1)?.[0] ?? null;
    if (!(result.accuracy > 0)) result.accuracy = null;
  }
  const map = numbers(parameters.get("map"), "/", 3);
  if (map && Math.abs(map[1]) <= 90 && Math.abs(map[2]) <= 180) result.map = { zoom: map[0], center: [map[2], map[1]] };
  return result;
}

/** Hand the private state to the next page of this tab, the same page in the other language. */
export function carry() {
  flush();
  sessionStorage.setItem("carried", JSON.stringify(secret()));
}

/** Return a state with a layer that can show its choice. */
export const resolved = (of) =>
  of.layer === "figures" && LOOKUPS.some((key) => of[key] !== null) ? { ...of, layer: "health-regions" } : of;

function carried() {
  // In a frame, browsers may forbid the storage.
  if (embedded) return history.state ?? {};
  const text = sessionStorage.getItem("carried");
  sessionStorage.removeItem("carried");
  return text ? JSON.parse(text) : (history.state ?? {});
}

const secret = () => Object.fromEntries(PRIVATE.map((key) => [key, state[key]]));
const address = (of) => `${location.pathname}${location.search}${fragment(of) ? `#${fragment(of)}` : ""}`;
const round = (value, digits) => Number(value.toFixed(digits));
const tell = (before) => listeners.forEach((listener) => listener(state, before));
