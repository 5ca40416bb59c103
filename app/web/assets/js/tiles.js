// Vector tile sources of the map. Other modules name a source by its coverage and the label of its vintage.

const url = (coverage, label) => new URL(`/tiles/${coverage}.json?vintage=${encodeURIComponent(label)}`, location.origin).href;

export const SHAPES = { "source-layer": "regions" };
export const LABELS = { "source-layer": "labels" };
/** Property with the region's code of a shape. */
export const CODE = "code";

export const define = (coverage, label) => ({ type: "vector", url: url(coverage, label) });
export const change = (source, coverage, label) => source.setUrl(url(coverage, label));
