"""Benchmark of POST /locate: positions per second of a running server, by kind of position and by format.

    cd app && python -m benchmarks.bulk_requests http://127.0.0.1:8000 POSTALCODES.db LOOKUP [--clients 2] [--rounds 4]

Each client is a process that sends the same 50,000 positions again and again. POSTALCODES.db as in `benchmarks.lookup_files`;
LOOKUP is the lookup file of the health regions in force: half of the positions near a border lie within 340 m of its vertices.
"""

import argparse
import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.lookup_files import positions
from covidtrends_geo.lookup_file import open_file
from covidtrends_geo.projection import to_degrees

POSITIONS = 50_000
_AWAY_M = 500.0
_NO_SLOT_S = 0.02
_WEST, _EAST, _SOUTH, _NORTH, _FAR_NORTH = -140.0, -53.0, 42.0, 60.0, 75.0
FORMATS = {
    "CSV": ("", "text/csv"),
    "CSV, 3 fields": ("?fields=hruid,cfsauid,certain", "text/csv"),
    "JSON": ("", "application/json"),
    "JSON, 3 fields": ("?fields=hruid,cfsauid,certain", "application/json"),
}
Degrees = npt.NDArray[np.float64]


def kinds(postal_codes: Path, lookup: Path) -> dict[str, Degrees]:
    """Return positions by kind, as rows of longitude and latitude."""
    random = np.random.default_rng(3347)
    people = positions(postal_codes, POSITIONS)
    vertices = open_file(lookup).engine.search.vertices
    borders = vertices.at(random.integers(0, len(vertices), POSITIONS)) + random.normal(0, _AWAY_M / 2, (POSITIONS, 2))
    longitudes = random.uniform(_WEST, _EAST, (2, POSITIONS))
    return {
        "people": np.column_stack([people["lon"].to_numpy(), people["lat"].to_numpy()]),
        "south of 60 degrees": np.column_stack([longitudes[0], random.uniform(_SOUTH, _NORTH, POSITIONS)]).round(7),
        "north of 60 degrees": np.column_stack([longitudes[1], random.uniform(_NORTH, _FAR_NORTH, POSITIONS)]).round(7),
        "near a border": np.column_stack(to_degrees(*borders.T)).round(7),
    }


def body_of(degrees: Degrees, content_type: str) -> bytes:
    """Return the body of a request."""
    if content_type == "application/json":
        return json.dumps({"points": degrees.tolist()}).encode()
    return ("lon,lat\n" + "".join(f"{lon},{lat}\n" for lon, lat in degrees.tolist())).encode()


def send(job: tuple[str, str, bytes, int]) -> int:
    """Send a body several times, with a retry if the server has no slot; return the bytes of a response."""
    address, content_type, body, rounds = job
    lengths: list[int] = []
    while len(lengths) < rounds:
        request = urllib.request.Request(address, body, {"Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                lengths.append(len(response.read()))
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise RuntimeError(str(error)) from None
            time.sleep(_NO_SLOT_S)
    return lengths[-1]


def main() -> None:
    """Print a line for each kind of position and format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("postal_codes", type=Path)
    parser.add_argument("lookup", type=Path)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=4)
    options: Any = parser.parse_args()
    with Pool(options.clients) as pool:
        for kind, degrees in kinds(options.postal_codes, options.lookup).items():
            for name, (query, content_type) in FORMATS.items():
                body = body_of(degrees, content_type)
                jobs = [(f"{options.server}/locate{query}", content_type, body, options.rounds)] * options.clients
                pool.map(send, [(*job[:3], 1) for job in jobs], chunksize=1)
                began = time.perf_counter()
                lengths = pool.map(send, jobs, chunksize=1)
                rate = POSITIONS * options.clients * options.rounds / (time.perf_counter() - began)
                print(f"{kind:20} {name:16} {rate:9,.0f} a second, {lengths[0] / POSITIONS:5.0f} bytes each", flush=True)


if __name__ == "__main__":
    main()
