// Lookups on this device, from the offline packs of the shown vintages: the position is not sent.

import { calls, send } from "./api.js";
import { openPack } from "./pack.js";
import { shown } from "./vintages.js";

const TIMEOUT_MS = 20_000;
const packs = new Map();
const preloaded = new Set();
let listing = null;

/**
 * Return what a position is in by the packs: {region, fsa}, both answers of RegionPack.region; `region` is certain.
 * null where only the service can tell: too near a border of health regions, or a pack cannot be had.
 */
export async function locate([lon, lat], accuracy, state) {
  const [regions, fsas] = await Promise.all(packsOf(state));
  if (!regions || !fsas) return null;
  const [region, fsa] = [regions, fsas].map((pack) => pack.region(lat, lon, { accuracy: accuracy ?? 0 }));
  if (region.status !== "region" && region.status !== "outside") return null;
  // As in the service, nothing is certain where the two vintages disagree about the province.
  const possible = fsa.candidates ?? [fsa];
  if (region.pruid && possible.some(({ pruid }) => pruid && pruid !== region.pruid)) return null;
  return { region, fsa };
}

/** Load the packs of the shown vintages before they are needed, once, unless the connection is slow or data is to be saved. */
export function preload(state) {
  const { saveData = false, effectiveType = "" } = navigator.connection ?? {};
  const names = shownOf(state).map((vintage) => vintage && nameOf(vintage)).join(" ");
  if (saveData || effectiveType.endsWith("2g") || preloaded.has(names)) return;
  preloaded.add(names);
  (window.requestIdleCallback ?? setTimeout)(() => packsOf(state));
}

const shownOf = (state) => ["health-regions", "fsa"].map((coverage) => shown(coverage, state));
const packsOf = (state) => shownOf(state).map(packOf);
const nameOf = ({ coverage, label }) => `${coverage}/${label}`;

/** Return the pack of a vintage, loaded once; null where it cannot be had. A failed attempt is repeated at the next need. */
function packOf(vintage) {
  if (!vintage) return null;
  const name = nameOf(vintage);
  if (!packs.has(name)) {
    packs.set(name, load(name).catch((error) => {
      console.warn(error);
      packs.delete(name);
      return null;
    }));
  }
  return packs.get(name);
}

async function load(name) {
  listing ??= send(calls.downloads()).finally(() => (listing = null));
  const { downloads } = await listing;
  const files = downloads.find(({ vintage }) => nameOf(vintage) === name)?.files ?? [];
  // The pinned address never changes its content: browsers keep the file.
  const address = files.find(({ format }) => format === "pack")?.pinned_href;
  if (!address) throw new Error(`no offline pack of ${name} yet`);
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return openPack(await response.arrayBuffer());
}
