// Figures of the health regions of a vintage, by their declared or computed relations to the regions that report.

import { sendOnce } from "./api.js";
import { UNPAINTED, paintOfValue } from "./classes.js";
import { callOn } from "./indicators.js";
import { formatted, t } from "./texts.js";

const METHODS = ["same", "sum", "common", "part_of"];

// Relations by which neighbours have the same figure.
const SHARED = new Set(["common", "part_of"]);

/** Return the relation of a figure to its region in words. */
export function methodName(method) {
  if (method === "same") return t("method_same");
  if (method === "common") return t("method_common");
  return method === "sum" ? t("method_sum") : t("method_part_of");
}

/**
 * Return {label, callOf, load, scene, counts} for a vintage. Each day is loaded on demand. Until then the last loaded day stays
 * drawn; a day whose load failed is drawn without figures.
 */
export function relatedFigures(figures, label) {
  const loaded = new Map();
  const failed = new Set();
  let last = null;
  const callOf = (at) => callOn(figures, at, { coverage: "health-regions", vintage: label });

  return {
    label,
    callOf,
    /** Load the figures of a step. Raises: Problem. */
    async load(at) {
      failed.delete(at);
      try {
        loaded.set(at, (await sendOnce(callOf(at))).values);
      } catch (problem) {
        failed.add(at);
        throw problem;
      }
    },
    /** Return what the map draws at a step. Call it after the first `load`. */
    scene(at) {
      const values = loaded.get(at) ?? last;
      last = values;
      if (failed.has(at)) {
        const paints = new Map(Object.keys(values).map((code) => [code, UNPAINTED]));
        return { coverage: "health-regions", label, paints, chosen: [], tip: () => t("figures_away") };
      }
      const paints = new Map(
        Object.entries(values).map(([code, value]) => {
          if (!value.method) return [code, { ...UNPAINTED, unrelated: true }];
          const paint = paintOfValue(figures, value.v, value.status);
          return [code, { ...paint, dashed: paint.dashed || (value.v !== null && SHARED.has(value.method)) }];
        }),
      );
      return { coverage: "health-regions", label, paints, chosen: [], tip: (code) => words(figures, values[code]) };
    },
    /** Return the number of regions by method at a step, and of those without a relation. */
    counts(at) {
      const all = Object.values(loaded.get(at) ?? {});
      const rows = METHODS.map((method) => ({ method, n: all.filter((row) => row.method === method).length }));
      return { rows: rows.filter((row) => row.n), none: all.filter((row) => !row.method).length };
    },
  };
}

function words(figures, figure) {
  if (!figure) return "";
  if (!figure.method) return t("method_none");
  if (figure.v === null) return figures.statusName(figure.status);
  const value = `${formatted(figure.v)} ${figures.measure.unit}`;
  if (figure.method === "same") return value;
  return `${value} · ${methodName(figure.method)}${figure.group ? ` (${figure.group.regions.join(", ")})` : ""}`;
}
