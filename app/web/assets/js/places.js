// Towns, lakes and rivers of the map: files of this service (geodata/README.md), loaded when the map is idle.

import { TEXT, STRONG, colour } from "./style.js";
import { language } from "./texts.js";

// From here on smaller towns and lakes are loaded, and drawn at the next zoom level.
const NEAR_ZOOM = 6.8;
// Below this zoom the names of the provinces fill the map.
const FAR_ZOOM = 3.4;
const DOT_PIXELS = 14;
const RIVERS_MAX_ZOOM = 8.5;
/** `z` is the zoom from which a town, a name or a river is drawn. */
const DRAWN_FROM_Z = ["<=", ["get", "z"], ["zoom"]];
const NAME = language === "fr" ? ["coalesce", ["get", "f"], ["get", "n"]] : ["get", "n"];
const REGION_NAMES = /^(?!lake|river).*-names$/;

const file = (name) => new URL(`../places/${name}.json`, import.meta.url).href;

/** Return the places of a map. `add` adds them to a new style; nothing is loaded for readers who save data. */
export function createPlaces(map) {
  let near = false;
  let idle = null;

  const lowestNames = () => map.getStyle().layers.find(({ id }) => REGION_NAMES.test(id))?.id;

  function add() {
    map.addImage("town", dot(), { pixelRatio: 2 });
    for (const [id, source] of Object.entries(sources(near))) map.addSource(id, source);
    for (const layer of waters()) map.addLayer(layer, "outline-fill");
    // The highest layer is placed first: large towns, names of regions, small towns, names of waters.
    map.addLayer(towns("towns-1"));
    for (const layer of waterNames()) map.addLayer(layer, lowestNames());
    if (near) map.addLayer(towns("towns-2"), lowestNames());
  }

  function approach() {
    if (near || !map.getSource("towns-1") || map.getZoom() < NEAR_ZOOM) return;
    near = true;
    map.getSource("lakes").setData(file("lakes-2"));
    map.addSource("towns-2", sources(near)["towns-2"]);
    map.addLayer(towns("towns-2"), lowestNames());
  }

  return {
    /** Add the places as soon as the map has drawn everything else. */
    start() {
      if (navigator.connection?.saveData) return;
      idle = new Promise((done) => map.once("idle", done)).then(() => {
        if (!map.getSource("towns-1")) add();
        approach();
        map.on("zoomend", approach);
      });
    },
    /** Add the places to a style that replaced another. */
    restore: () => idle?.then(() => map.getSource("towns-1") || add()),
  };
}

const sources = (near) => ({
  lakes: { type: "geojson", data: file(near ? "lakes-2" : "lakes-1"), tolerance: 0.6 },
  "lake-names": { type: "geojson", data: file("lake-names") },
  rivers: { type: "geojson", data: file("rivers") },
  "towns-1": { type: "geojson", data: file("towns-1") },
  ...(near && { "towns-2": { type: "geojson", data: file("towns-2") } }),
});

const waters = () => [
  { id: "lakes", type: "fill", source: "lakes", paint: { "fill-color": colour("water"), "fill-antialias": false } },
  {
    id: "rivers",
    type: "line",
    source: "rivers",
    filter: DRAWN_FROM_Z,
    // The lines are simplified to some 1 km: nearer, they would be beside the water.
    maxzoom: RIVERS_MAX_ZOOM,
    layout: { "line-join": "round", "line-cap": "round" },
    paint: {
      "line-color": colour("river"),
      "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.5, 8, 1.8],
      "line-opacity": ["interpolate", ["linear"], ["zoom"], 3, 0.5, 5, 1, 7.5, 1, 8.5, 0],
    },
  },
];

/** Return the layers of the names of rivers and lakes. */
function waterNames() {
  const paint = {
    "text-color": colour("label-water"),
    "text-halo-color": colour("water"),
    "text-halo-width": 1.2,
    "text-halo-blur": 0.5,
  };
  const layout = { "text-field": NAME, "text-font": TEXT, "text-letter-spacing": 0.06 };
  return [
    {
      id: "river-names",
      type: "symbol",
      source: "rivers",
      minzoom: 5.5,
      maxzoom: RIVERS_MAX_ZOOM,
      filter: ["has", "n"],
      layout: { ...layout, "symbol-placement": "line", "symbol-spacing": 420, "text-size": 11, "text-max-angle": 35 },
      paint: { ...paint, "text-halo-color": colour("label-halo") },
    },
    {
      id: "lake-names",
      type: "symbol",
      source: "lake-names",
      filter: DRAWN_FROM_Z,
      layout: {
        ...layout,
        "symbol-sort-key": ["get", "r"],
        "text-size": ["interpolate", ["linear"], ["zoom"], 4, 10.5, 9, 14],
        "text-max-width": 7,
        "text-padding": 4,
      },
      paint,
    },
  ];
}

/** Return the layer of the towns of a source. The largest are placed first. */
function towns(source) {
  const rank = ["get", "r"];
  return {
    id: source,
    type: "symbol",
    source,
    minzoom: source === "towns-1" ? FAR_ZOOM : NEAR_ZOOM,
    filter: DRAWN_FROM_Z,
    layout: {
      "symbol-sort-key": rank,
      "icon-image": "town",
      "icon-size": ["step", rank, 1, 40, 0.85, 300, 0.75],
      "text-field": NAME,
      "text-font": ["step", rank, ["literal", STRONG], 40, ["literal", TEXT]],
      "text-size": ["interpolate", ["linear"], ["zoom"], 4, ["step", rank, 12, 40, 11], 10, ["step", rank, 17, 40, 15, 300, 13]],
      "text-variable-anchor": ["left", "right", "top", "bottom"],
      "text-radial-offset": 0.5,
      "text-justify": "auto",
      "text-max-width": 9,
      "text-padding": 3,
    },
    paint: {
      "text-color": colour("label-town"),
      "text-halo-color": colour("label-halo"),
      "text-halo-width": 1.6,
      "text-halo-blur": 0.3,
    },
  };
}

/** Return the dot of a town as an image. */
function dot() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = DOT_PIXELS;
  const pen = canvas.getContext("2d");
  for (const [name, radius] of [["label-halo", DOT_PIXELS / 2], ["label-town", DOT_PIXELS / 3]]) {
    pen.fillStyle = colour(name);
    pen.beginPath();
    pen.arc(DOT_PIXELS / 2, DOT_PIXELS / 2, radius, 0, 2 * Math.PI);
    pen.fill();
  }
  return pen.getImageData(0, 0, DOT_PIXELS, DOT_PIXELS);
}
