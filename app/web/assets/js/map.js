// The MapLibre map: layers, pointer and keyboard. It depends neither on the API nor on cards.

import { Map, Marker, NavigationControl, ScaleControl } from "../vendor/maplibre-gl/maplibre-gl.mjs";
import { SOURCE, createChoropleth } from "./choropleth.js";
import { $, el } from "./dom.js";
import { createPlaces } from "./places.js";
import { CODE, SHAPES, define, replace } from "./tiles.js";
import { EMPTY, code, colour, earlier, fsaLayers, names, regionLayers, style } from "./style.js";
import { nameOf, t } from "./texts.js";

// Outermost points of Canada, on a globe as on a plane.
const EXTREMES = [[-141, 60.3], [-141, 69.6], [-133, 53.5], [-123.5, 48.3], [-95.2, 49], [-82.6, 41.7], [-52.6, 46.6], [-70, 83.1]];
// Northern end of the land, in degrees. Digital boundaries reach the pole, which Web Mercator cannot show.
const NORTH = 83.2;
// Pauses before the repetitions of a request that was answered with 503.
const RETRY_MS = [1_000, 3_000, 6_000];
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Draw the map in an element. Raises where there is no WebGL.
 *
 * padding: () => the covered pixels on each side, {top, right, bottom, left}.
 * onPick: ([lon, lat], code, more) of a click, or of the middle of the map on Enter: code is that of the region of figures there,
 * more is true with Shift or Ctrl. onMove: ({center, zoom}) after the reader moved it.
 */
export function createMap(container, { padding, onPick, onMove, labelled }) {
  const map = new Map({
    container,
    style: style(),
    center: [-95, 62],
    zoom: 3,
    minZoom: 1.2,
    maxZoom: 17,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    renderWorldCopies: false,
    fadeDuration: still.matches ? 0 : 200,
    locale: { "NavigationControl.ZoomIn": t("zoom_in"), "NavigationControl.ZoomOut": t("zoom_out"), "Map.Title": labelled },
    transformRequest: (url) => ({ url: new URL(url, location.origin).href }),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  // The scale is above the sources, which take one or more lines.
  map.addControl({ onAdd: () => $("attribution"), onRemove: () => $("attribution").remove() }, "bottom-right");
  map.addControl(new ScaleControl({ maxWidth: 90 }), "bottom-right");
  map.addControl({ onAdd: () => $("timeline"), onRemove: () => $("timeline").remove() }, "bottom-right");
  map.boxZoom.disable();
  retryUnavailable(map);
  const choropleth = createChoropleth(map);
  const places = createPlaces(map);

  let drawn = { regions: [], outline: null, figures: null };
  let hovered = null;
  let pin = null;
  // The map has no globe projection before its style is loaded.
  const ready = new Promise((done) => map.once("style.load", done));
  let placed = false;
  ready.then(() => placed || home());
  places.start();

  const coverageUnder = () => (drawn.layer === "figures" ? SOURCE : drawn.layer === "fsa" ? "fsa" : "health-regions");
  const LAYER_UNDER = { [SOURCE]: "fig-fill", fsa: "fsa-hover", "health-regions": "hr-fill" };

  function hover(point) {
    const coverage = coverageUnder();
    const layer = LAYER_UNDER[coverage];
    const [region] = point && map.getLayer(layer) ? map.queryRenderedFeatures(point, { layers: [layer] }) : [];
    const id = region?.id ?? null;
    if (id !== hovered?.id || coverage !== hovered?.source) {
      if (hovered && map.getSource(hovered.source)) map.setFeatureState(hovered, { hover: false });
      hovered = region ? { source: coverage, sourceLayer: SHAPES["source-layer"], id } : null;
      if (hovered) map.setFeatureState(hovered, { hover: true });
      if (hovered?.source === SOURCE) choropleth.showHover();
    }
    const tip = $("tip");
    tip.hidden = !region;
    if (!region) return;
    const its = region.properties;
    tip.replaceChildren(
      el("strong", {}, coverage === "fsa" ? its[CODE] : nameOf(its)),
      coverage === "fsa" ? "" : el("span", {}, drawn.figures ? drawn.figures.tip(its[CODE]) : its[CODE]),
    );
    const right = point.x > container.clientWidth - 260;
    tip.style.translate = `${point.x + (right ? -14 : 14)}px ${point.y + 14}px`;
    tip.classList.toggle("left", right);
  }

  map.on("mousemove", (event) => hover(event.point));
  map.on("mouseout", () => hover(null));
  map.on("movestart", () => ($("tip").hidden = true));
  map.on("click", (event) => pick(event.point, event.lngLat, event.originalEvent));
  map.on("moveend", (event) => {
    if (!event.originalEvent && !event.byReader) return;
    placed = true;
    onMove(view());
  });
  const canvas = map.getCanvas();
  canvas.setAttribute("aria-describedby", "map-help");
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    const [x, y] = middle();
    pick([x, y], map.unproject([x, y]), event);
  });

  function pick(point, at, { shiftKey, ctrlKey, metaKey }) {
    const [region] = map.getLayer("fig-fill") ? map.queryRenderedFeatures(point, { layers: ["fig-fill"] }) : [];
    onPick(at.wrap().toArray(), region?.properties[CODE] ?? null, shiftKey || ctrlKey || metaKey);
  }

  /** Return the centre of the uncovered part in pixels, the position of the crosshair. */
  function middle() {
    const covered = padding();
    return [
      covered.left + (container.clientWidth - covered.left - covered.right) / 2,
      covered.top + (container.clientHeight - covered.top - covered.bottom) / 2,
    ];
  }

  function placeCrosshair() {
    const [x, y] = middle();
    $("crosshair").style.translate = `${x}px ${y}px`;
  }
  map.on("resize", placeCrosshair);
  canvas.addEventListener("focus", placeCrosshair);

  /** Fit all of Canada. */
  function home() {
    const covered = padding(12);
    const [left, top] = [covered.left, covered.top];
    const width = container.clientWidth - left - covered.right;
    const height = container.clientHeight - top - covered.bottom;
    // On a globe the scale depends on the centre: a few iterations find both.
    for (let step = 0; step < 5; step += 1) {
      const points = EXTREMES.map((position) => map.project(position));
      const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
      const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      const scale = Math.min(width / (east - west), height / (south - north));
      const center = map.unproject([
        (west + east) / 2 - (left + width / 2 - container.clientWidth / 2) / scale,
        (north + south) / 2 - (top + height / 2 - container.clientHeight / 2) / scale,
      ]);
      map.jumpTo({ center, zoom: map.getZoom() + Math.log2(scale) });
    }
  }

  const view = () => ({ center: map.getCenter().toArray(), zoom: map.getZoom() });

  function addCoverage(coverage, label, layers) {
    if (!label) return;
    if (map.getSource(coverage)) {
      if (drawn[coverage] !== label) replace(map, coverage, define(coverage, label));
    } else {
      map.addSource(coverage, define(coverage, label));
      for (const [layer, below] of layers()) map.addLayer(layer, below);
      map.addLayer(names(coverage), "province-names");
    }
    drawn[coverage] = label;
  }

  /** Draw a scene. A member that is left out stays as it is. */
  async function show(scene) {
    await ready;
    const before = drawn;
    drawn = { ...drawn, ...scene.drawn };
    // No tiles are requested for hidden layers.
    if (drawn.layer !== "figures") addCoverage("health-regions", scene.regionsLabel, regionLayers);
    if (drawn.layer === "fsa") addCoverage("fsa", scene.fsaLabel, fsaLayers);
    for (const id of ["fsa-hover", "fsa-line", "fsa-names"]) setVisible(id, drawn.layer === "fsa");
    for (const id of ["hr-fill", "hr-hover", "hr-line"]) setVisible(id, drawn.layer !== "figures");
    setVisible("health-regions-names", drawn.layer === "health-regions");
    if (drawn.layer === "figures" && drawn.figures) choropleth.show(drawn.figures);
    else choropleth.hide();
    if (before.layer !== drawn.layer) hover(null);
    showEarlier(scene.earlierLabel ?? null);
    paint();
  }

  function setVisible(id, seen) {
    if (map.getLayer(id)) map.setLayoutProperty(id, "visibility", seen ? "visible" : "none");
  }

  function showEarlier(label) {
    if (!label) {
      if (map.getLayer("earlier-line")) map.removeLayer("earlier-line");
      if (map.getSource("earlier")) map.removeSource("earlier");
    } else if (drawn.earlier !== label || !map.getSource("earlier")) {
      showEarlier(null);
      map.addSource("earlier", define("health-regions", label));
      map.addLayer(earlier(), "outline");
    }
    drawn.earlier = label;
  }

  /** Colour the drawn regions; set the outline, the accuracy circle and the pin. Layers without features are hidden: each costs time. */
  function paint() {
    if (map.getLayer("hr-paint")) {
      const regions = drawn.regions.filter((region) => region.colour);
      const colours = regions.flatMap((region) => [region.code, colour(region.colour)]);
      map.setPaintProperty("hr-paint", "fill-color", colours.length ? ["match", code, ...colours, "transparent"] : "transparent");
      const chosen = drawn.regions.filter((region) => region.chosen).map((region) => region.code);
      map.setFilter("hr-chosen", ["in", code, ["literal", chosen]]);
      setVisible("hr-paint", drawn.layer !== "figures" && colours.length);
      setVisible("hr-chosen", drawn.layer !== "figures" && chosen.length);
    }
    const { outline, alone, at, accuracy } = drawn;
    map.getSource("outline").setData(outline ?? EMPTY);
    map.getSource("around").setData(outline && !alone ? inverse(outline) : EMPTY);
    map.getSource("accuracy").setData(at && accuracy ? circle(at, accuracy) : EMPTY);
    setVisible("outline", outline?.geometry);
    setVisible("outline-fill", outline?.geometry && alone);
    setVisible("around", outline?.geometry && !alone);
    for (const id of ["accuracy-fill", "accuracy-line"]) setVisible(id, at && accuracy);
    pin?.remove();
    pin = null;
    if (drawn.at) {
      const element = el("div", { class: drawn.own ? "you" : "pin", "aria-hidden": "true" });
      pin = new Marker({ element, anchor: drawn.own ? "center" : "bottom", subpixelPositioning: true }).setLngLat(drawn.at).addTo(map);
      element.removeAttribute("tabindex");
      element.removeAttribute("role");
    }
  }

  return {
    show,
    /** Colour the regions of the shown figures for another day; null changes nothing. */
    paint(figures) {
      if (!figures) return;
      drawn.figures = figures;
      choropleth.paint(figures.paints);
    },
    /** Fit a box (west, south, east, north; degrees). */
    fit(bbox, maxZoom = 12) {
      placed = true;
      const [west, south, east, north] = bbox;
      map.fitBounds([west, Math.min(south, NORTH), east > west ? east : east + 360, Math.min(north, NORTH)], { padding: padding(24), maxZoom, duration: still.matches ? 0 : 900 });
    },
    /** Centre on a position, at this zoom or nearer. */
    look(at, zoom = 9) {
      placed = true;
      map.easeTo({ center: at, zoom: Math.max(map.getZoom(), zoom), padding: padding(), duration: still.matches ? 0 : 900 });
    },
    /** Fit all of Canada unless the view was set before. */
    whole: () => ready.then(() => placed || home()),
    jump({ center, zoom }) {
      placed = true;
      map.jumpTo({ center, zoom });
    },
    /** Draw everything again in the colours of the palette. */
    async repaint() {
      await ready;
      const { "health-regions": regionsLabel, fsa: fsaLabel, earlier: earlierLabel } = drawn;
      map.setStyle(style(), { diff: false });
      await new Promise((done) => map.once("style.load", done));
      drawn = { ...drawn, "health-regions": null, fsa: null, earlier: null };
      choropleth.reset();
      await show({ regionsLabel, fsaLabel, earlierLabel, drawn: {} });
      places.restore();
    },
    view,
    resize: () => map.resize(),
    map,
  };
}

/** Load tiles and sources again after a 503. MapLibre would leave a refused tile empty, and a refused source without tiles. */
function retryUnavailable(map) {
  const retries = {};
  map.on("error", ({ error, sourceId, tile }) => {
    const key = error.url;
    if (error.status !== 503 || (retries[key] ?? 0) === RETRY_MS.length) {
      console.error(error);
      return;
    }
    setTimeout(() => {
      const source = map.getSource(sourceId);
      if (tile && source) map.refreshTiles(sourceId, [tile.tileID.canonical]);
      // The source may have another URL by now.
      else if (source && error.url.endsWith(source.url)) source.setUrl(source.url);
    }, RETRY_MS[retries[key] ?? 0]);
    retries[key] = (retries[key] ?? 0) + 1;
  });
}

/** Return a circle on the ground as a polygon. */
function circle([lon, lat], metres) {
  const sides = 64;
  const radius = metres / 6_371_008.8;
  const ring = [];
  const phi = (lat * Math.PI) / 180;
  for (let side = 0; side <= sides; side += 1) {
    const bearing = (2 * Math.PI * side) / sides;
    const there = Math.asin(Math.sin(phi) * Math.cos(radius) + Math.cos(phi) * Math.sin(radius) * Math.cos(bearing));
    const turn = Math.atan2(
      Math.sin(bearing) * Math.sin(radius) * Math.cos(phi),
      Math.cos(radius) - Math.sin(phi) * Math.sin(there),
    );
    ring.push([lon + (turn * 180) / Math.PI, (there * 180) / Math.PI]);
  }
  return { type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } };
}

/** Return the inverse of a shape, for dimming its surroundings. */
function inverse({ geometry }) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const world = [[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]];
  const holes = polygons.flatMap((rings) => rings.slice(1)).map((ring) => [ring]);
  return {
    type: "Feature",
    properties: {},
    geometry: { type: "MultiPolygon", coordinates: [[world, ...polygons.map(([outer]) => outer)], ...holes] },
  };
}
