// MapLibre style. Its colours are the custom properties of page.css, so that there is one palette.

import { language, provinces } from "./texts.js";
import { CODE, LABELS, SHAPES } from "./tiles.js";

// Three tones of land are enough for no province to touch one of its own tone.
const TONE = { 59: 0, 48: 1, 47: 0, 46: 1, 35: 0, 24: 1, 13: 0, 12: 1, 11: 1, 10: 0, 60: 1, 61: 2, 62: 0 };
export const TEXT = ["Hanken Grotesk"];
export const STRONG = ["Hanken Grotesk Strong"];
const NAME = ["get", `name_${language}`];

/** Return a colour of the palette as it is now: light or dark. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Names of the colours for the regions of an FSA. */
export const CATEGORIES = ["cat-1", "cat-2", "cat-3", "cat-4", "cat-5", "cat-6", "cat-7"];

export const EMPTY = { type: "FeatureCollection", features: [] };
/** Expression for the code of a shape. */
export const code = ["get", CODE];

export function style() {
  return {
    version: 8,
    // Mercator would fill the map with the north. Nearer than zoom 6 both look the same, and some graphics cards draw the
    // globe less exactly.
    projection: { type: ["interpolate", ["linear"], ["zoom"], 4.5, "vertical-perspective", 6, "mercator"] },
    sources: {
      graticule: { type: "geojson", data: graticule() },
      provinces: { type: "geojson", data: provinceLabels() },
      outline: { type: "geojson", data: EMPTY },
      around: { type: "geojson", data: EMPTY },
      accuracy: { type: "geojson", data: EMPTY },
    },
    layers: [
      { id: "water", type: "background", paint: { "background-color": colour("water") } },
      {
        id: "graticule",
        type: "line",
        source: "graticule",
        paint: { "line-color": colour("graticule"), "line-width": 0.7 },
      },
      { id: "around", type: "fill", source: "around", paint: { "fill-color": colour("water"), "fill-opacity": 0.6, "fill-antialias": false } },
      // Fill of an FSA that lies in one region.
      { id: "outline-fill", type: "fill", source: "outline", paint: { "fill-color": colour("chosen"), "fill-opacity": 0.6 } },
      {
        id: "outline",
        type: "line",
        source: "outline",
        layout: { "line-join": "round" },
        paint: { "line-color": colour("ink"), "line-width": ["interpolate", ["linear"], ["zoom"], 1.5, 0.4, 3, 0.9, 5, 1.5, 9, 2.2] },
      },
      { id: "accuracy-fill", type: "fill", source: "accuracy", paint: { "fill-color": colour("you"), "fill-opacity": 0.14 } },
      { id: "accuracy-line", type: "line", source: "accuracy", paint: { "line-color": colour("you"), "line-width": 1.5 } },
      {
        id: "province-names",
        type: "symbol",
        source: "provinces",
        maxzoom: 5.2,
        layout: {
          "text-field": ["get", "name"],
          "text-font": STRONG,
          "text-size": ["interpolate", ["linear"], ["zoom"], 2, 9.5, 5, 14],
          "text-letter-spacing": 0.08,
          "text-max-width": 8,
          "text-padding": 4,
        },
        paint: {
          "text-color": colour("label-province"),
          "text-halo-color": colour("label-halo"),
          "text-halo-width": 2,
          "text-halo-blur": 0.5,
          "text-opacity": ["interpolate", ["linear"], ["zoom"], 4.6, 1, 5.2, 0],
        },
      },
    ],
  };
}

/** Return the layers of the health regions, each with the layer that it lies below. */
export function regionLayers() {
  const tone = (name) => ["match", ["to-string", ["get", "pruid"]], ...Object.entries(TONE).flatMap(([pruid, at]) => [pruid, colour(`${name}-${at}`)]), colour(`${name}-0`)];
  const shapes = { source: "health-regions", ...SHAPES };
  return [
    [{ id: "hr-fill", type: "fill", ...shapes, paint: { "fill-color": tone("land"), "fill-antialias": false } }, "graticule"],
    [{ id: "hr-paint", type: "fill", ...shapes, paint: { "fill-color": "transparent", "fill-opacity": 0.6 } }, "around"],
    [
      {
        id: "hr-hover",
        type: "fill",
        ...shapes,
        paint: { "fill-color": colour("accent"), "fill-opacity": ["case", ["boolean", ["feature-state", "hover"], false], 0.16, 0] },
      },
      "outline",
    ],
    [
      {
        id: "hr-line",
        type: "line",
        ...shapes,
        layout: { "line-join": "round" },
        paint: {
          "line-color": colour("border"),
          "line-width": ["interpolate", ["linear"], ["zoom"], 2, 0.5, 5, 1, 9, 1.8],
        },
      },
      "outline",
    ],
    [
      {
        id: "hr-chosen",
        type: "line",
        ...shapes,
        filter: ["==", code, ""],
        layout: { "line-join": "round" },
        paint: { "line-color": colour("accent"), "line-width": ["interpolate", ["linear"], ["zoom"], 1.5, 0.5, 3.5, 1.4, 8, 2.6] },
      },
      "outline",
    ],
  ];
}

/** Return the layers of the FSAs. */
export function fsaLayers() {
  const shapes = { source: "fsa", ...SHAPES };
  return [
    [
      {
        id: "fsa-hover",
        type: "fill",
        ...shapes,
        paint: { "fill-color": colour("accent"), "fill-opacity": ["case", ["boolean", ["feature-state", "hover"], false], 0.2, 0.001] },
      },
      "outline-fill",
    ],
    [
      {
        id: "fsa-line",
        type: "line",
        ...shapes,
        paint: {
          "line-color": colour("border-fsa"),
          "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.4, 6, 0.9, 10, 1.4],
        },
      },
      "outline-fill",
    ],
  ];
}

/** Return the layer of the names of a coverage's regions. */
export function names(coverage) {
  const fsa = coverage === "fsa";
  return {
    id: `${coverage}-names`,
    type: "symbol",
    source: coverage,
    ...LABELS,
    minzoom: fsa ? 7 : 4.6,
    layout: {
      "text-field": fsa ? code : NAME,
      "text-font": fsa ? STRONG : TEXT,
      "text-size": fsa ? ["interpolate", ["linear"], ["zoom"], 7, 9.5, 12, 14] : ["interpolate", ["linear"], ["zoom"], 4.6, 10.5, 9, 14],
      "text-max-width": 9,
      "text-padding": 6,
    },
    paint: {
      "text-color": colour(fsa ? "label-fsa" : "label"),
      "text-halo-color": colour("label-halo"),
      "text-halo-width": 2,
      "text-halo-blur": 0.5,
    },
  };
}

/** Return the outlines of an earlier vintage. */
export const earlier = () => ({
  id: "earlier-line",
  type: "line",
  source: "earlier",
  ...SHAPES,
  paint: { "line-color": colour("ink"), "line-width": 1.2, "line-dasharray": [2, 2], "line-opacity": 0.75 },
});

function provinceLabels() {
  return {
    type: "FeatureCollection",
    features: provinces.map(({ name, abbreviation, label }) => ({
      type: "Feature",
      // On a phone there is room for the letters only.
      properties: { name: innerWidth < 600 ? abbreviation : name.toUpperCase() },
      geometry: { type: "Point", coordinates: label },
    })),
  };
}

function graticule() {
  const lines = [];
  for (let lon = -180; lon < 180; lon += 10) {
    const line = [];
    for (let lat = -80; lat <= 80; lat += 2) line.push([lon, lat]);
    lines.push(line);
  }
  for (let lat = -80; lat <= 80; lat += 10) {
    const line = [];
    for (let lon = -180; lon <= 180; lon += 2) line.push([lon, lat]);
    lines.push(line);
  }
  return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } };
}
