// What the page shows, as one object, and how it stands in the address.
//
// It stands after the # only: browsers send that to nobody. A position and what of the map is seen around it do not stand there
// at all; they are kept with the entry of the tab's history, so that back, forward and reload find them. Only the link that the
// reader copies on purpose holds them (see link.js).

export const LAYERS = ["health-regions", "fsa"];
const EMPTY = {
  layer: "health-regions", // what hovering and the edition switch are about
  vintage: null, // label of the health regions' edition; null is the one in force
  fsa_vintage: null,
  region: null, // code of the region that is shown
  fsa: null,
  compare: null, // label of the earlier edition that this one is compared with
  at: null, // [lon, lat] of the position that is shown
  accuracy: null, // metres
  own: false, // the position is the reader's own
  map: null, // {center, zoom}: what a copied link or the history wants to be seen
};
const PUBLIC = ["vintage", "fsa_vintage", "region", "fsa", "compare"];
const PRIVATE = ["at", "accuracy", "own", "map"];
const CODE = { region: /^\d{4}$/, fsa: /^[A-Z]\d[A-Z]$/ };

let state = { ...EMPTY };
const listeners = [];

export const current = () => state;
export const whenChanged = (listener) => listeners.push(listener);

/** Show something else: a new entry of the history, so that back leads here again. */
export function go(change, { replace = false } = {}) {
  const before = state;
  state = { ...state, ...change };
  history[replace ? "replaceState" : "pushState"](secret(), "", address(state));
  tell(before);
}

/** Keep what is seen of the map with this entry, without a new one. */
export function remember(map) {
  state = { ...state, map };
  history.replaceState(secret(), "", address(state));
}

/** Take the state from the address and the history; a position in the address moves out of it. */
export function start() {
  const read = () => {
    const before = state;
    state = { ...parse(location.hash), ...carried() };
    history.replaceState(secret(), "", address(state));
    tell(before);
  };
  addEventListener("popstate", read);
  read();
}

/** Return the text after the #, "#" left out, with the position and the map's view where they are asked for. */
export function fragment(of, { all = false } = {}) {
  const parts = new URLSearchParams();
  if (of.layer !== EMPTY.layer) parts.set("layer", of.layer);
  for (const key of PUBLIC) if (of[key] !== null) parts.set(key, of[key]);
  if (all && of.at) parts.set("at", `${round(of.at[1], 6)},${round(of.at[0], 6)}`);
  if (all && of.at && of.accuracy) parts.set("accuracy", Math.round(of.accuracy));
  if (all && of.map) parts.set("map", [round(of.map.zoom, 2), round(of.map.center[1], 4), round(of.map.center[0], 4)].join("/"));
  // Commas and slashes may stand in a fragment as they are.
  return parts.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/** Return the state that a fragment says. What it says wrongly is left out. */
export function parse(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const found = { ...EMPTY };
  if (LAYERS.includes(given.get("layer"))) found.layer = given.get("layer");
  for (const key of PUBLIC) {
    const text = given.get(key);
    if (text && text.length <= 64 && (CODE[key]?.test(text) ?? true)) found[key] = text;
  }
  const numbers = (text, separator, count) => {
    const parts = (text ?? "").split(separator).map((part) => (part.trim() === "" ? NaN : Number(part)));
    return parts.length === count && parts.every(Number.isFinite) ? parts : null;
  };
  const at = numbers(given.get("at"), ",", 2);
  if (at && Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180) {
    found.at = [at[1], at[0]];
    found.accuracy = numbers(given.get("accuracy"), ",", 1)?.[0] ?? null;
    if (!(found.accuracy > 0)) found.accuracy = null;
  }
  const map = numbers(given.get("map"), "/", 3);
  if (map && Math.abs(map[1]) <= 90 && Math.abs(map[2]) <= 180) found.map = { zoom: map[0], center: [map[2], map[1]] };
  return found;
}

/** Take what the address must not hold over to the next page of this tab: the same one in the other language. */
export const carry = () => sessionStorage.setItem("carried", JSON.stringify(secret()));

function carried() {
  const text = sessionStorage.getItem("carried");
  sessionStorage.removeItem("carried");
  return text ? JSON.parse(text) : (history.state ?? {});
}

const secret = () => Object.fromEntries(PRIVATE.map((key) => [key, state[key]]));
const address = (of) => `${location.pathname}${location.search}${fragment(of) ? `#${fragment(of)}` : ""}`;
const round = (value, digits) => Number(value.toFixed(digits));
const tell = (before) => listeners.forEach((listener) => listener(state, before));
