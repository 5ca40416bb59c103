"""Makes postal_points.csv.gz: where the postal codes of each FSA are, from GeoNames, and how many people an FSA has.

    python geodata/localities/make_postal_points.py T1201EN.csv

The argument is table T1201 of Statistics Canada's 98-402-X2016001 (population by FSA, census of 2016), plain or gzipped. Needs Python
3.11 and pip, and no other package. The same inputs give the same bytes.
"""

import csv
import gzip
import io
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path

from make_localities import HERE, LEFT_OUT, fetch, mean

# Cells of about 1 km. With single postal codes, people are attributed no better: see docs/indicators.md.
CELL_LAT, CELL_LON = 0.01, 0.014


def main(table):
    people = read_people(Path(table))
    fsas = defaultdict(lambda: defaultdict(list))
    with sqlite3.connect(fetch()) as connection:
        query = f"SELECT substr(code, 1, 3), latitude, longitude FROM PostalCodes WHERE NOT ({LEFT_OUT})"
        for fsa, lat, lon in connection.execute(query):
            fsas[fsa][round(lat / CELL_LAT), round(lon / CELL_LON)].append((lat, lon))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fsa", "people", "points"])
    for fsa, cells in sorted(fsas.items()):
        points = (f"{mean(points, 1):.3f} {mean(points, 0):.3f} {len(points)}" for _, points in sorted(cells.items()))
        writer.writerow([fsa, people.get(fsa, ""), ";".join(points)])
    # No name and no time in the header: the same bytes on every run.
    with (HERE / "postal_points.csv.gz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    print(f"{len(fsas)} FSAs, {sum(map(len, fsas.values()))} points")


def read_people(path):
    """Return the population of each FSA of the table; an empty cell is none."""
    content = path.read_bytes()
    rows = csv.reader(io.StringIO((gzip.decompress(content) if path.suffix == ".gz" else content).decode("latin-1")))
    return {row[0]: int(row[4]) for row in rows if len(row) > 4 and len(row[0]) == 3 and row[4]}


if __name__ == "__main__":
    main(*sys.argv[1:])
