// Choropleth layers of the map. Feature state holds the colour of each region, so that a new week changes no tiles.

import { CODE, LABELS, SHAPES, define, replace } from "./tiles.js";
import { code, colour, names } from "./style.js";

export const SOURCE = "figures";
const COLOURS = [...Array.from({ length: 8 }, (_, at) => `class-${at}`), "class-negative"];
const LAYERS = ["fig-fill", "fig-hatch", "fig-unrelated", "fig-hover", "fig-line", "fig-dashed", "fig-chosen", "figures-names"];
// MapLibre draws a layer even where its opacity is 0, so these are hidden until a region needs them.
const OPTIONAL = { "fig-unrelated": ({ unrelated }) => unrelated, "fig-dashed": ({ dashed }) => dashed };
const WIDTH = ["interpolate", ["linear"], ["zoom"], 2, 0.4, 5, 0.9, 9, 1.6];

/** Return the choropleth of a map. */
export function createChoropleth(map) {
  let shown = null;
  let painted = new Map();
  const hidden = new Set([...Object.keys(OPTIONAL), "fig-hover", "fig-chosen"]);

  function addLayers() {
    map.addImage("hatch", pattern(hatch), { pixelRatio: 2 });
    map.addImage("dots", pattern(dots), { pixelRatio: 2 });
    for (const [layer, below] of layers()) map.addLayer(layer, below);
    map.addLayer({ ...names(SOURCE), ...LABELS }, "province-names");
  }

  /** Show the regions of a vintage; `paints` maps a code to its paint (classes.js). */
  function show({ coverage, label, paints, chosen }) {
    const key = `${coverage}/${label}`;
    const source = { ...define(coverage, label), promoteId: CODE };
    if (!map.getSource(SOURCE)) {
      map.addSource(SOURCE, source);
      addLayers();
    } else if (shown !== key) replace(map, SOURCE, source);
    if (shown !== key) painted = new Map();
    shown = key;
    visible(true);
    map.setFilter("fig-chosen", ["in", code, ["literal", chosen]]);
    if (chosen.length) reveal("fig-chosen");
    paint(paints);
  }

  /** Set the feature state of the regions whose paint changed. */
  function paint(paints) {
    if (!map.getSource(SOURCE)) return;
    for (const [id, next] of paints) {
      const before = painted.get(id);
      if (before && Object.keys(next).every((name) => before[name] === next[name])) continue;
      map.setFeatureState({ source: SOURCE, ...SHAPES_OF, id }, { ...next, colour: next.colour ?? "" });
    }
    painted = paints;
    const values = [...paints.values()];
    for (const [layer, needed] of Object.entries(OPTIONAL)) if (values.some(needed)) reveal(layer);
  }

  function visible(on) {
    for (const layer of LAYERS) if (map.getLayer(layer)) map.setLayoutProperty(layer, "visibility", on && !hidden.has(layer) ? "visible" : "none");
  }

  /** Show a hidden layer from now on. */
  function reveal(layer) {
    if (hidden.delete(layer)) map.setLayoutProperty(layer, "visibility", "visible");
  }

  return {
    show,
    paint,
    hide: () => visible(false),
    showHover: () => reveal("fig-hover"),
    /** Clear the paint: a new style has no feature state. */
    reset() {
      shown = null;
      painted = new Map();
    },
  };
}

const SHAPES_OF = { sourceLayer: SHAPES["source-layer"] };

function layers() {
  const state = (name, otherwise) => ["coalesce", ["feature-state", name], otherwise];
  const shapes = { source: SOURCE, ...SHAPES };
  const fill = ["match", state("colour", ""), ...COLOURS.flatMap((name) => [name, colour(name)]), colour("land-0")];
  return [
    [{ id: "fig-fill", type: "fill", ...shapes, paint: { "fill-color": fill, "fill-antialias": false } }, "around"],
    // A region without a paint is hatched too: it has no series, so it is not reported.
    [{ id: "fig-hatch", type: "fill", ...shapes, paint: { "fill-pattern": "hatch", "fill-antialias": false, "fill-opacity": ["case", state("hatch", true), 1, 0] } }, "around"],
    [{ id: "fig-unrelated", type: "fill", ...shapes, paint: { "fill-pattern": "dots", "fill-antialias": false, "fill-opacity": ["case", state("unrelated", false), 1, 0] } }, "around"],
    [
      {
        id: "fig-hover",
        type: "line",
        ...shapes,
        paint: { "line-color": colour("ink"), "line-width": 2, "line-opacity": ["case", ["boolean", ["feature-state", "hover"], false], 1, 0] },
      },
      "outline",
    ],
    [{ id: "fig-line", type: "line", ...shapes, layout: { "line-join": "round" }, paint: { "line-color": colour("border-figures"), "line-width": WIDTH } }, "fig-hover"],
    [
      {
        id: "fig-dashed",
        type: "line",
        ...shapes,
        paint: { "line-color": colour("ink"), "line-width": 1.4, "line-dasharray": [1.5, 1.5], "line-opacity": ["case", state("dashed", false), 1, 0] },
      },
      "fig-hover",
    ],
    [
      {
        id: "fig-chosen",
        type: "line",
        ...shapes,
        filter: ["==", code, ""],
        layout: { "line-join": "round" },
        paint: { "line-color": colour("ink"), "line-width": ["interpolate", ["linear"], ["zoom"], 1.5, 1.2, 3.5, 2, 8, 3] },
      },
      "outline",
    ],
  ];
}

const PATTERN_SIZE = 16;

/** Return a fill pattern as an image; `draw` gets its 2D context and must be seamless at the edges. */
function pattern(draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PATTERN_SIZE;
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour("hatch-ground");
  pen.fillRect(0, 0, PATTERN_SIZE, PATTERN_SIZE);
  pen.strokeStyle = pen.fillStyle = colour("hatch-line");
  draw(pen, PATTERN_SIZE);
  return pen.getImageData(0, 0, PATTERN_SIZE, PATTERN_SIZE);
}

/** Draw diagonal lines: a value that is not reported. */
function hatch(pen, size) {
  pen.lineWidth = 2.4;
  for (const offset of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(offset - 2, size + 2);
    pen.lineTo(offset + size + 2, -2);
    pen.stroke();
  }
}

/** Draw dots: a region without a relation to a region that reports. */
function dots(pen, size) {
  for (const [x, y] of [[size / 4, size / 4], [(size * 3) / 4, (size * 3) / 4]]) {
    pen.beginPath();
    pen.arc(x, y, 1.7, 0, 2 * Math.PI);
    pen.fill();
  }
}
