// Figures of the health regions of a vintage, by their declared relations to the regions that report.

import { sendOnce } from "./api.js";
import { UNPAINTED, paintOfValue } from "./classes.js";
import { callOn } from "./indicators.js";
import { formatted, t } from "./texts.js";

const METHODS = ["same", "sum", "part_of"];

/** Return the relation of a figure to its region in words. */
export function methodName(method) {
  if (method === "same") return t("method_same");
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
          return [code, { ...paint, dashed: paint.dashed || (value.v !== null && value.method === "part_of") }];
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
  return figure.method === "same" ? value : `${value} · ${methodName(figure.method)}`;
}
