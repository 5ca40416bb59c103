// Offline pack: the region at a position, without a service. For browsers and Node; no dependency.
//
//   import { openPack } from "https://geo.example.org/pack.js";
//   const file = await fetch("https://geo.example.org/downloads/health-regions/2022/health-regions-2022.pack");
//   const pack = await openPack(await file.arrayBuffer());
//   pack.region(45.4236, -75.7009);
//
// An answer with status "region" or "outside" is the certain answer of the service (/locate) in the same vintage. The pack's
// outlines are simplified: nearer to a border than that could matter, the status is "near_border". Why this holds:
// app/covidtrends_geo/pack.py, which writes the file and describes its layout.

/**
 * @typedef {object} Region
 * @property {string} code HRUID, CFSAUID or another code, unique within the vintage.
 * @property {{en: string, fr: string}} name
 * @property {string | null} pruid Province or territory, Statistics Canada code; null for a region in several provinces.
 */
/**
 * @typedef {{status: "region"} & Region | {status: "near_border", candidates: Region[]} | {status: "outside"} | {status: "invalid"}} Answer
 * `region`: this region covers the position, and no other region is near enough to matter.
 * `near_border`: too near a border, ask the service. If a region covers the position, it is one of the candidates.
 * `outside`: no region covers the position, and none is near enough to matter.
 * `invalid`: not a latitude from -90 to 90 and a longitude from -180 to 180.
 */

/** A file that is no pack, is damaged, or has a format that this module does not read. */
export class PackError extends Error {
  name = "PackError";
}

const MAGIC = "GEOPACK";
const FORMAT_VERSION = 1;

// As the service: positions are WGS 84 and boundaries NAD83, up to 2 m apart; an accuracy is a 95 % radius; a border is 1 mm wide.
const DATUM_M = 2;
const ACCURACY_FACTOR = 1.5;
const BORDER_M = 0.001;
// Added to every distance for the arithmetic, in metres.
const ARITHMETIC_M = 0.001;
// A degree of latitude is longer than this everywhere, in metres.
const DEGREE_M = 110_500;
// No region of Canada is south of 41 degrees, and no uncertainty reaches a degree.
const SOUTH = 40;
// Near the pole the scale of the projection has no bound.
const NORTH = 89.999;

// EPSG:3347: Lambert conformal conic with two standard parallels, on the ellipsoid GRS 80 (IOGP guidance note 7-2).
const RADIANS = Math.PI / 180;
const AXIS = 6_378_137;
const FLATTENING = 1 / 298.257222101;
const E = Math.sqrt(FLATTENING * (2 - FLATTENING));
const meridian = (lat) => Math.cos(lat) / Math.sqrt(1 - (E * Math.sin(lat)) ** 2);
const conformal = (lat) => Math.tan(Math.PI / 4 - lat / 2) / ((1 - E * Math.sin(lat)) / (1 + E * Math.sin(lat))) ** (E / 2);
const [FIRST, SECOND, ORIGIN] = [49 * RADIANS, 77 * RADIANS, 63.390675 * RADIANS];
const CONE = Math.log(meridian(FIRST) / meridian(SECOND)) / Math.log(conformal(FIRST) / conformal(SECOND));
const radius = (lat) => ((AXIS * meridian(FIRST)) / CONE) * (conformal(lat) / conformal(FIRST)) ** CONE;

/** Return x and y in EPSG:3347 for degrees north and east, to a micrometre between 40 and 89.999 degrees north. */
export function project(lat, lon) {
  const away = ((lon + 91 + 52 / 60 + 540) % 360) - 180;
  const [from, turn] = [radius(lat * RADIANS), CONE * away * RADIANS];
  return [6_200_000 + from * Math.sin(turn), 3_000_000 + radius(ORIGIN) - from * Math.cos(turn)];
}

/** Return the units of EPSG:3347 for a metre on the ground; between two latitudes it is largest at one of them. */
const scale = (lat) => (CONE * radius(lat * RADIANS)) / (AXIS * meridian(lat * RADIANS));

/**
 * Open a pack.
 * @param {ArrayBuffer | Uint8Array} file The whole file.
 * @returns {Promise<RegionPack>}
 * @throws {PackError}
 */
export async function openPack(file) {
  const bytes = new Uint8Array(file instanceof ArrayBuffer ? file : file.slice());
  if (String.fromCharCode(...bytes.subarray(0, MAGIC.length)) !== MAGIC) throw new PackError("not an offline pack");
  const version = bytes[MAGIC.length];
  if (version !== FORMAT_VERSION) {
    throw new PackError(`the pack has format version ${version}; this reader knows version ${FORMAT_VERSION}`);
  }
  let body;
  try {
    const stream = new Blob([bytes.subarray(MAGIC.length + 1)]).stream().pipeThrough(new DecompressionStream("gzip"));
    body = new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new PackError("the pack is damaged or incomplete", { cause: error });
  }
  const start = 4 + new DataView(body.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(body.subarray(4, start)));
  return new RegionPack(header, ...outlines(body, start, header.regions));
}

/** Decode the outlines: x and y of the vertices, with the first of a ring repeated at its end, and the region of each segment. */
function outlines(body, start, regions) {
  let at = start;
  // Differences and counts are below 2 ** 31: the extent of EPSG:3347 in metres is a hundredth of that.
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = body[at++];
      value |= (byte & 127) << shift;
      if (!(byte >= 128)) return value >>> 0;
    }
  };
  const signed = () => {
    const value = number();
    return (value >>> 1) ^ -(value & 1);
  };
  // A ring takes a byte for its count and two for each vertex at least, and has one vertex more here.
  const most = Math.ceil(((body.length - start) * 2) / 3);
  const [xs, ys, regionOf] = [new Float64Array(most), new Float64Array(most), new Int32Array(most)];
  let end = 0;
  regions.forEach(({ step_m: step }, region) => {
    let [x, y] = [0, 0];
    for (let rings = number(); rings > 0; rings -= 1) {
      const first = end;
      for (let left = number(); left > 0; left -= 1) {
        xs[end] = (x += signed()) * step;
        ys[end] = (y += signed()) * step;
        regionOf[end++] = region;
      }
      xs[end] = xs[first];
      ys[end] = ys[first];
      // No segment leads from here to the next ring.
      regionOf[end++] = -1;
    }
  });
  return [xs.slice(0, end), ys.slice(0, end), regionOf.slice(0, end)];
}

const SEGMENTS_OF_A_ROW = 32;
const ROWS_MOST = 16_384;

/** The regions of a vintage. `metadata` has its title, label, licence, attribution and the checksum of the source. */
export class RegionPack {
  #x;
  #y;
  #regionOf;
  #south;
  #height;
  #starts;
  #segments;
  #misfits;
  #misfitMost;
  #deviations;
  #deviationMost;

  /** Use openPack. */
  constructor(header, x, y, regionOf) {
    /** @type {Record<string, string>} */
    this.metadata = header.metadata;
    /** @type {Region[]} in the order of their codes */
    this.regions = header.regions.map(({ code, name_en: en, name_fr: fr, pruid }) => ({ code, name: { en, fr }, pruid }));
    this.#misfits = Float64Array.from(header.regions, ({ misfit_m }) => misfit_m);
    this.#deviations = Float64Array.from(header.regions, ({ deviation_m }) => deviation_m);
    [this.#misfitMost, this.#deviationMost] = [largest(this.#misfits), largest(this.#deviations)];
    [this.#x, this.#y, this.#regionOf] = [x, y, regionOf];
    this.#index();
  }

  /**
   * Return the region at a position.
   * @param {number} lat Degrees north, WGS 84.
   * @param {number} lon Degrees east.
   * @param {{accuracy?: number}} [options] Radius in metres that contains the true position in 95 of 100 cases.
   * @returns {Answer}
   */
  region(lat, lon, { accuracy = 0 } = {}) {
    if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && accuracy >= 0)) return { status: "invalid" };
    const reach = Math.max(accuracy * ACCURACY_FACTOR, DATUM_M);
    const degrees = (reach + this.#misfitMost) / DEGREE_M;
    if (lat < SOUTH && degrees < 1) return { status: "outside" };
    if (!(lat + degrees < NORTH && lat - degrees > 0)) return { status: "near_border", candidates: this.regions };
    const units = Math.max(scale(lat - degrees), scale(lat + degrees));
    const [x, y] = project(lat, lon);
    const covering = this.#covering(x, y);
    const own = covering.length === 1 ? covering[0] : -1;
    const near = this.#near(x, y, own, reach, units);
    if (near.size || covering.length > 1) {
      const candidates = [...new Set([...covering, ...near])].sort((a, b) => a - b);
      return { status: "near_border", candidates: candidates.map((region) => this.regions[region]) };
    }
    return own < 0 ? { status: "outside" } : { status: "region", ...this.regions[own] };
  }

  /** Sort the segments into rows of equal height, so that a lookup meets few of them. */
  #index() {
    const [y, regionOf] = [this.#y, this.#regionOf];
    let [south, north] = [Infinity, -Infinity];
    for (const northing of y) [south, north] = [Math.min(south, northing), Math.max(north, northing)];
    const rows = Math.min(ROWS_MOST, Math.ceil(y.length / SEGMENTS_OF_A_ROW));
    [this.#south, this.#height] = [south, (north - south) / rows || 1];
    const counts = new Int32Array(rows + 1);
    const each = (visit) => {
      for (let at = 0; at < y.length; at += 1) {
        if (regionOf[at] < 0) continue;
        const last = this.#row(Math.max(y[at], y[at + 1]), rows);
        for (let row = this.#row(Math.min(y[at], y[at + 1]), rows); row <= last; row += 1) visit(row, at);
      }
    };
    each((row) => (counts[row + 1] += 1));
    for (let row = 0; row < rows; row += 1) counts[row + 1] += counts[row];
    const [next, segments] = [counts.slice(), new Int32Array(counts[rows])];
    each((row, at) => (segments[next[row]++] = at));
    [this.#starts, this.#segments] = [counts, segments];
  }

  #row(y, rows = this.#starts.length - 1) {
    return Math.min(Math.max(Math.floor((y - this.#south) / this.#height), 0), rows - 1);
  }

  /** Return the regions whose rings a ray to the east crosses an odd number of times. */
  #covering(px, py) {
    const [x, y] = [this.#x, this.#y];
    const odd = new Set();
    const row = this.#row(py);
    for (let each = this.#starts[row]; each < this.#starts[row + 1]; each += 1) {
      const at = this.#segments[each];
      const [ay, by] = [y[at], y[at + 1]];
      if (ay <= py === by <= py) continue;
      if (x[at] + ((py - ay) / (by - ay)) * (x[at + 1] - x[at]) <= px) continue;
      const region = this.#regionOf[at];
      if (!odd.delete(region)) odd.add(region);
    }
    return [...odd];
  }

  /**
   * Return the regions whose outlines are so near that they matter: its own border only by its deviation. For a position in a
   * region, the misfit of that region counts, as in the service; for a position in none, that of each region.
   */
  #near(px, py, own, reach, units) {
    const [x, y, regionOf, segments] = [this.#x, this.#y, this.#regionOf, this.#segments];
    const near = new Set();
    const most = this.#deviationMost + (reach + (own < 0 ? this.#misfitMost : this.#misfits[own])) * units + ARITHMETIC_M;
    const end = this.#starts[this.#row(py + most) + 1];
    for (let each = this.#starts[this.#row(py - most)]; each < end; each += 1) {
      const at = segments[each];
      const [ax, bx] = [x[at] - px, x[at + 1] - px];
      if ((ax > most && bx > most) || (ax < -most && bx < -most)) continue;
      const region = regionOf[at];
      const beyond = region === own ? BORDER_M : reach + this.#misfits[own < 0 ? region : own];
      const [ay, by] = [y[at] - py, y[at + 1] - py];
      const [dx, dy] = [bx - ax, by - ay];
      const along = Math.min(Math.max(-(ax * dx + ay * dy) / (dx * dx + dy * dy || 1), 0), 1);
      const distance = Math.hypot(ax + along * dx, ay + along * dy);
      if (distance <= this.#deviations[region] + beyond * units + ARITHMETIC_M) near.add(region);
    }
    return near;
  }
}

const largest = (numbers) => numbers.reduce((most, value) => Math.max(most, value), 0);
