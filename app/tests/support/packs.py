"""Offline packs in tests: an independent decoder, positions near borders, and lookups by the JavaScript module in Node."""

import gzip
import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj
import pytest
import shapely
from django.conf import settings
from django.db import connection

from geography.coordinates import LonLat
from geography.lookup.locate import points_locate
from geography.models import Vintage

MODULE = settings.APP_DIR / "web" / "assets" / "js" / "pack.js"
RUNNER = Path(__file__).with_name("pack_lookup.mjs")
# Statuses by number, as in pack_lookup.mjs.
REGION, OUTSIDE, NEAR_BORDER, INVALID = range(4)
# Metres from a vertex: on it, on either side of the border of 1 mm, of the 2 m of the datum, and of the margins of the packs.
DISTANCES_M = [0, 0.0002, 0.0008, 0.0012, 0.002, 0.5, 1.9, 2.1, 5, 10, 20, 50, 100, 200, 500]

Positions = npt.NDArray[np.float64]
_LAMBERT = pyproj.Transformer.from_crs(4269, 3347, always_xy=True)


class Answers(NamedTuple):
    """Answers of a pack for positions: `status` by number; `number` of the region, or of candidates, else -1."""

    status: npt.NDArray[np.int32]
    number: npt.NDArray[np.int32]
    timings: dict[str, float]


def decode(path: Path) -> tuple[dict[str, Any], list[list[npt.NDArray[np.int64]]]]:
    """Return the header of a pack, and for each region its rings: vertices in EPSG:3347, not closed."""
    content = path.read_bytes()
    assert content[:8] == b"GEOPACK\x01"
    body = gzip.decompress(content[8:])
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    numbers = _varints(body[4 + length :])
    regions = []
    for region in header["regions"]:
        x = y = 0
        rings = []
        for _ in range(next(numbers)):
            ring = []
            for _ in range(next(numbers)):
                x, y = x + _signed(next(numbers)), y + _signed(next(numbers))
                ring.append((x, y))
            rings.append(np.array(ring) * region["step_m"])
        regions.append(rings)
    assert next(numbers, None) is None
    return header, regions


def _varints(content: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in content:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0


def _signed(number: int) -> int:
    return number >> 1 if number % 2 == 0 else -(number >> 1) - 1


def near_vertices(vintage: Vintage, count: int, seed: int, *, north_of: float = -90.0) -> Positions:
    """Return positions (longitude, latitude) up to 500 m from vertices of a vintage."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(geom, 'NDR') FROM region WHERE vintage_id = %s ORDER BY code", [vintage.pk])
        shapes = shapely.from_wkb([bytes(wkb) for (wkb,) in cursor.fetchall()])
    vertices = shapely.get_coordinates(shapes)
    vertices = vertices[_degrees(vertices[:, 0], vertices[:, 1])[:, 1] > north_of]
    random = np.random.default_rng(seed)
    chosen = vertices[random.integers(0, len(vertices), count)]
    away, turn = random.choice(DISTANCES_M, count), random.uniform(0, 2 * np.pi, count)
    return _degrees(chosen[:, 0] + away * np.cos(turn), chosen[:, 1] + away * np.sin(turn))


def _degrees(x: Positions, y: Positions) -> Positions:
    return np.column_stack(_LAMBERT.transform(x, y, direction="INVERSE"))


def anywhere(count: int, seed: int) -> Positions:
    """Return positions in and around Canada, in the rest of the world, at the poles and on the antimeridian."""
    random = np.random.default_rng(seed)
    around = np.column_stack([random.uniform(-145, -48, count), random.uniform(40, 90, count)])
    world = np.column_stack([random.uniform(-180, 180, count // 4), random.uniform(-90, 90, count // 4)])
    arctic = np.column_stack([random.uniform(-180, 180, count // 4), random.uniform(83, 90, count // 4)])
    edges = [(lon, lat) for lon in (-180, -141, -91.8667, 0, 88.1333, 180) for lat in (-90, -89.9, 0, 40, 70, 89.9989, 90)]
    return np.concatenate([around, world, arctic, np.array(edges, dtype=float)])


def node() -> str:
    """Return the path of Node: that of bin/clients, else that of the machine. Skips the test without Node."""
    path = shutil.which(str(settings.REPO_DIR / ".local" / "node" / "bin" / "node")) or shutil.which("node")
    if path is None:
        pytest.skip("no Node here: bin/clients installs it; the same answers are tested in Chromium")
    return path


def in_node(path: Path, positions: Positions, accuracy_m: float = 0.0) -> Answers:
    """Return the answers of a pack, by the module in Node."""
    values = requests(positions, accuracy_m)
    done = subprocess.run([node(), RUNNER, MODULE, path], input=values.tobytes(), capture_output=True, check=True, timeout=300)
    status, number = np.frombuffer(done.stdout, "<i4").reshape(-1, 2).T
    return Answers(status, number, json.loads(done.stderr))


def requests(positions: Positions, accuracy_m: float) -> Positions:
    """Return latitude, longitude and accuracy, one row each."""
    return np.column_stack([positions[:, 1], positions[:, 0], np.full(len(positions), accuracy_m)]).astype("<f8")


def wrong_answers(vintage: Vintage, positions: Positions, answers: Answers, accuracy_m: float = 0.0) -> list[Any]:
    """Return the positions whose certain answer by a pack is not the certain answer of the API's lookup."""
    codes = list(vintage.regions.order_by("code").values_list("code", flat=True))
    located = points_locate(
        positions=[LonLat(*position) for position in positions.tolist()], vintages=[vintage], accuracy_m=accuracy_m
    )
    wrong = []
    for position, status, number, (expected,) in zip(positions.tolist(), answers.status, answers.number, located, strict=True):
        if status == NEAR_BORDER:
            continue
        code = codes[number] if status == REGION else None
        if not expected.certain or code != (expected.region and expected.region.code):
            wrong.append((position, status, code, expected))
    return wrong
