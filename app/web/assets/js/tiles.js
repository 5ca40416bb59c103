// Vector tile sources of the map. Other modules name a source by its coverage and the label of its vintage.

const url = (coverage, label) => new URL(`/tiles/${coverage}.json?vintage=${encodeURIComponent(label)}`, location.origin).href;

export const SHAPES = { "source-layer": "regions" };
export const LABELS = { "source-layer": "labels" };
/** Property with the region's code of a shape. */
export const CODE = "code";

export const define = (coverage, label) => ({ type: "vector", url: url(coverage, label) });

/**
 * Replace a source under its layers, which stay as they are.
 *
 * After setUrl MapLibre would keep for good the tiles of the old URL that were still being loaded.
 */
export function replace(map, id, source) {
  const { layers } = map.getStyle();
  const own = layers.filter((layer) => layer.source === id);
  for (const layer of own) map.removeLayer(layer.id);
  map.removeSource(id);
  map.addSource(id, source);
  // From top to bottom: the layer above is there.
  for (const layer of own.reverse()) map.addLayer(layer, layers[layers.indexOf(layer) + 1]?.id);
}
