"""Localities of Canada: towns and other names of postal addresses, with the positions of their postal codes.

From the embedded files `localities.csv.gz` and `other_names.toml` of geodata/localities, which do not depend on the loaded
boundaries.
"""

import csv
import gzip
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from geography.codes import parse_province
from geography.coordinates import LonLat


class Locality(NamedTuple):
    """A locality.

    Attributes:
        name: as in postal addresses, in Quebec with the accents of GeoNames; the same in both languages.
        pruid: of its province or territory.
        positions: mean positions of its postal codes in cells of about 4 km, WGS 84, the cell with the most codes first.
        codes: number of postal codes in each cell.
    """

    name: str
    pruid: str
    positions: tuple[LonLat, ...]
    codes: tuple[int, ...]


def read_other_names(path: Path) -> Mapping[tuple[str, str], list[str]]:
    """Return the names of municipalities, former and new names of localities, by name and PRUID of the locality.

    Raises: OSError, tomllib.TOMLDecodeError, ParameterInvalid (unknown province).
    """
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind in tomllib.loads(path.read_text(encoding="utf-8")).values():
        for other, (name, province) in kind.items():
            names[name, parse_province(province).pruid].append(other)
    return names


def read_localities(path: Path) -> list[Locality]:
    """Return the localities of a file, in the order of their names. Raises: OSError."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [_locality(*row) for row in list(csv.reader(file))[1:]]


def _locality(name: str, pruid: str, positions: str) -> Locality:
    cells = [cell.split() for cell in positions.split(";")]
    return Locality(
        name,
        pruid,
        tuple(LonLat(float(lon), float(lat)) for lon, lat, _ in cells),
        tuple(int(count) for _, _, count in cells),
    )
