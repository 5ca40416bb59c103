// Lookups on this device, from the offline packs of the shown vintages: the position is not sent.

import { openPack } from "./pack.js";
import { shown } from "./vintages.js";

const TIMEOUT_MS = 20_000;
const packs = new Map();

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

/** Load the packs of the shown vintages before they are needed, unless the connection is slow or data is to be saved. */
export function preload(state) {
  const { saveData = false, effectiveType = "" } = navigator.connection ?? {};
  if (saveData || effectiveType.endsWith("2g")) return;
  (window.requestIdleCallback ?? setTimeout)(() => packsOf(state));
}

const packsOf = (state) => ["health-regions", "fsa"].map((coverage) => packOf(shown(coverage, state)));

/** Return the pack of a vintage, loaded once; null where it cannot be had. A failed attempt is repeated at the next need. */
function packOf(vintage) {
  if (!vintage) return null;
  const label = encodeURIComponent(vintage.label);
  const url = `/downloads/${vintage.coverage}/${label}/${vintage.coverage}-${label}.pack`;
  if (!packs.has(url)) {
    packs.set(url, load(url).catch((error) => {
      console.warn(error);
      packs.delete(url);
      return null;
    }));
  }
  return packs.get(url);
}

async function load(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return openPack(await response.arrayBuffer());
}
